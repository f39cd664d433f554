"""The JAX target: pure functions of arrays, for transformations of gradients as Optax has them."""

from __future__ import annotations

from optgen.compiler.emit.target import Naming, Target
from optgen.compiler.emit.targets.jax.printer import JaxPrinter
from optgen.compiler.ir.plan import Plan


class Jax(Target):
    """Functions of ``jax.numpy``."""

    name = "jax"
    title = "JAX"
    words = frozenset(
        [
            *("Any", "Array", "dict", "feature_scalars", "host_scalars", "jax", "jnp", "numpy"),
            *("scalars", "str", "sums", "tensors", "totals", "tuple", "variable"),
        ]
    )
    attributes = JaxPrinter.attributes()
    packages = frozenset({"typing", "features", "jax"})
    has_columns = False

    def printer(self, plan: Plan, naming: Naming) -> JaxPrinter:
        """What prints the statements of a plan."""
        return JaxPrinter(plan, naming)


TARGET = Jax()
