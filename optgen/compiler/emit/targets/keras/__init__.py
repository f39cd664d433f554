"""The Keras target: operations on whole tensors, which any backend runs or compiles."""

from __future__ import annotations

from optgen.compiler.emit.target import Naming, Target, is_plain
from optgen.compiler.emit.targets.keras.printer import HOST_OPERATIONS, REAL, KerasPrinter
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
    attributes = frozenset({*HOST_OPERATIONS.values(), REAL})
    packages = frozenset({"typing", "features"})
    effects = frozenset({"feature_scalars"})
    has_columns = False

    def supports(self, plan: Plan) -> bool:
        """Whether the target has all that a plan needs."""
        return is_plain(plan)

    def printer(self, plan: Plan, naming: Naming) -> KerasPrinter:
        """What prints the statements of a plan."""
        return KerasPrinter(plan, naming)


TARGET = Keras()
