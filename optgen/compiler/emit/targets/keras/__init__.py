"""The Keras target: operations on whole tensors, which any backend runs or compiles."""

from __future__ import annotations

from optgen.compiler.emit.target import Naming, Target
from optgen.compiler.emit.targets.keras.printer import KerasPrinter
from optgen.compiler.ir.plan import Plan


class Keras(Target):
    """Operations for the backends of Keras."""

    name = "keras"
    title = "Keras operations"
    words = frozenset(
        [
            *("dict", "feature_scalars", "host_scalars", "None", "ops", "scalars", "str", "sums"),
            *("tensors", "totals", *KerasPrinter.support),
        ]
    )
    attributes = KerasPrinter.attributes()
    packages = frozenset({"typing", "features"})
    effects = frozenset({"feature_scalars"})
    has_columns = False

    def printer(self, plan: Plan, naming: Naming) -> KerasPrinter:
        """What prints the statements of a plan."""
        return KerasPrinter(plan, naming)


TARGET = Keras()
