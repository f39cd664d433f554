"""What CUDA kernels import: the names that each function needs, and the modules that have them."""

from __future__ import annotations

from collections.abc import Iterator

from optgen.compiler.emit.code import (
    Axes,
    FeatureScalars,
    Fetch,
    Function,
    HostScalars,
    Pass,
    SharedScalars,
    Store,
    Sums,
    Table,
    TensorScalars,
)
from optgen.compiler.emit.target import (
    drawn_by,
    expressions_of,
    functions_from,
    is_observed,
)
from optgen.compiler.emit.targets.cuda.scalars import ORDER
from optgen.compiler.ir.expression import Expression, Operation
from optgen.compiler.ir.extent import NUMBERS, Extent
from optgen.compiler.ir.function import Origin
from optgen.compiler.ir.plan import Reduction
from optgen.compiler.ir.randomness import DRAWS
from optgen.compiler.ir.reduction import Combination

_LOOP = (
    *("Formats", "Integer", "Integers", "Kernel", "RUNNING", "Reals", "Widths", "cuda", "kernel"),
    *("load", "start_at"),
)
_SUMS = ("float64", "fold", "fold_members", "is_last_block")
_AXES = ("access", "float64", "integers", "with_vectors")
_BLOCK = ("Integer", "Integers", "Kernel", "Reals", "Widths", "cuda", "is_off", "kernel")
_HOST = ("CALLS", "Integer", "Integers", "Kernel", "Reals", "UPDATES", "Widths", "cuda", "float64")
#: Where kernels import their names from.
SUPPORT: dict[str, str] = {
    **functions_from(
        "cuda",
        {
            Origin.MATH: "math",
            Origin.RUNTIME: "optgen.runtime.cuda.jit",
            Origin.COMMON: "optgen.runtime.cuda.functions",
        },
    ),
    **dict.fromkeys(["cuda", "float64"], "numba"),
    **dict.fromkeys(["CALLS", "RUNNING", "UPDATES", "is_off"], "optgen.runtime.cuda.control"),
    **dict.fromkeys(
        [
            *("Function", "Integer", "Integers", "Kernel", "Reals", "Widths", "device"),
            *("kernel", "with_vectors"),
        ],
        "optgen.runtime.cuda.jit",
    ),
    **dict.fromkeys(
        [
            *("MOST_THREADS", "PARTS", "add", "add_square", "clear", "fold", "fold_members"),
            *("is_last_block", "leave", "leave_number", "over_block"),
        ],
        "optgen.runtime.cuda.sums",
    ),
    **dict.fromkeys(DRAWS, "optgen.runtime.cuda.randomness"),
    "Formats": "optgen.runtime.cpu.storage",
    **dict.fromkeys(["load", "store"], "optgen.runtime.cuda.lanes"),
    "as_stored": "optgen.runtime.cuda.stored",
    "start_at": "optgen.runtime.cuda.starts",
    "leave_row": "optgen.runtime.cuda.axes",
    **dict.fromkeys(["access", "integers", "reals"], "optgen.runtime.cuda.pointers"),
    "inf": "math",
}


def used_by(function: Function) -> Iterator[str]:
    """The names that a function needs imported, besides those that its expressions call."""
    if any(one.table is Table.NUMBERS for one in function.reads):
        yield "reals"
    match function:
        case Pass():
            yield from _used_by_pass(function)
        case SharedScalars():
            yield from _BLOCK
        case TensorScalars(has_vectors=True):
            yield from (*_BLOCK, "float64", "reals")
            if any(isinstance(one, Reduction) for one in function.body):
                yield from ("MOST_THREADS", "over_block")
            yield from _extremes(function)
        case TensorScalars():
            yield from ("Function", "Integers", "Reals", "Widths", "device")
        case FeatureScalars():
            yield from ("Integer", "Reals", "device")
        case HostScalars():
            yield from (*_HOST, "kernel")


def _used_by_pass(function: Pass) -> Iterator[str]:
    yield from (*_LOOP, *drawn_by(function))
    if isinstance(function, Axes) and (drawn_by(function) or is_observed(function)):
        yield "integers"
    if any(isinstance(one, Store) for one in function.body):
        yield "store"
    if is_observed(function):
        yield "as_stored"
    numbers = [one for one in function.reductions if one.extent in NUMBERS]
    if numbers:
        yield from _SUMS
    yield from _extremes(function)
    if isinstance(function, Axes):
        yield from _AXES
        yield from ["leave_number"] if numbers else []
        if any(one.extent is Extent.ROWS for one in function.reductions):
            yield "leave_row"
        if any(isinstance(one, Fetch) for one in function.body):
            yield "reals"
        return
    for item in numbers:
        if item.combination is Combination.SUM:
            yield from ("PARTS", "clear", "leave")
            yield "add_square" if is_square(item) else "add"
        else:
            yield "leave_number"


def _extremes(function: Function) -> Iterator[str]:
    """What reductions to the largest or smallest value need."""
    for one in function.statements:
        if isinstance(one, Reduction) and one.combination is not Combination.SUM:
            yield from ("inf", {1: "maximum", 2: "minimum"}[ORDER[one.combination]])


def expressions(function: Function) -> Iterator[Expression]:
    """What a function computes; the sum of squares squares for itself."""
    squares = [one.term for one in function.body if isinstance(one, Reduction)]
    for expression in expressions_of(function):
        is_term = isinstance(function, Sums) and expression in squares
        if is_term and isinstance(expression, Operation) and expression.operator == "square":
            yield expression.operands[0]
        else:
            yield expression


def is_sum(reduction: Reduction) -> bool:
    """Whether threads leave their shares of a reduction to be added."""
    return reduction.combination is Combination.SUM


def is_square(reduction: Reduction) -> bool:
    """Whether a reduction is of squares, which are added as such."""
    return isinstance(reduction.term, Operation) and reduction.term.operator == "square"
