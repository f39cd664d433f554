"""The torch target: operations on whole tensors, in the order of the rule."""

from __future__ import annotations

from optgen.compiler.emit.target import Naming, Target
from optgen.compiler.emit.targets.torch.expressions import TOTALS
from optgen.compiler.emit.targets.torch.library import NAMES
from optgen.compiler.emit.targets.torch.printer import TorchPrinter
from optgen.compiler.ir.plan import Plan

#: Functions of torch, and of Python, that printed expressions call.
_FUNCTIONS = frozenset(
    [
        *("abs", "amax", "amin", "clamp", "full_like", "linalg", "linalg.vector_norm"),
        *("linalg.matrix_norm",),
        *("logical_not", "maximum", "mean", "minimum", "sum", "where", "zeros_like"),
        *("sqrt", "exp", "log", "tanh", "atan2", "floor"),
    ]
)
_OF_LIBRARY = frozenset(
    [
        *("Tensor", "dtype", "float32", "float64", "isfinite", "isnan", "arange", "sin", "sign"),
        *("argsort", "tensor"),
        *("linalg.qr", "linalg.eigh", "linalg.svd", "bfloat16", "float16"),
    ]
)


class Torch(Target):
    """Operations of torch, which any of its devices runs."""

    name = "torch"
    title = "Operations of torch"
    words = frozenset(
        [
            *("Generator", "Tensor", "dict", "float", "index", "int", "math", "places", "str"),
            *("tensors", "torch", *TOTALS, *NAMES),
        ]
    )
    attributes = frozenset(
        [
            *(f"torch.{name}" for name in (*_FUNCTIONS, *_OF_LIBRARY)),
            *("math.sqrt", "math.exp", "math.log", "math.tanh", "math.atan2", "math.floor"),
            *("math.nan", "math.pi"),
        ]
    )
    members = frozenset(
        [
            *("abs", "all", "argmax", "clone", "device", "double", "dtype", "expand_as", "float"),
            *("gather", "mT", "new_tensor", "numel", "reshape", "shape", "to", "type"),
        ]
    )
    packages = frozenset({"torch"})
    has_columns = False
    is_whole = True

    def printer(self, plan: Plan, naming: Naming) -> TorchPrinter:
        """What prints the programs of a plan."""
        return TorchPrinter(plan, naming)


TARGET = Torch()
