"""Reductions in analyses: values as one number for each element, and tensors of one element.

Analyses treat a number or a vector as an element value that is the same along the tensor, the row
or the column. The sum of a vector is then its mean times the number of its values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from optgen.analysis.exact.interval import NONNEGATIVE, ONE, Interval
from optgen.analysis.exact.matrix_facts import FACTS, mixes
from optgen.compiler.ir.expression import (
    REDUCTIONS,
    Expression,
    Name,
    Number,
    Operation,
    rewrite,
)
from optgen.compiler.ir.extent import VECTORS, Extent
from optgen.compiler.ir.extents import Extents
from optgen.compiler.ir.reduction import REDUCERS, Combination
from optgen.compiler.ir.reserved import COUNTS, DIMS, LENGTHS, SHAPES
from optgen.compiler.ir.rule import Step

#: Operations whose value depends on many elements of an operand.
_MANY = REDUCTIONS | {*FACTS}
#: The prefix of a name that stands for the values of all elements, where an analysis assumes more
#: of the element that it is about; no spec can declare it.
EVERY = "every "
#: The numbers of a shape: a tensor has at least one element, and any number of dimensions.
KNOWN_SHAPES: Mapping[str, Interval] = {
    **dict.fromkeys(SHAPES, Interval(ONE, None, False, True)),
    DIMS: NONNEGATIVE,
}


def is_reduction(part: Expression) -> bool:
    """Whether an expression is a reduction, or depends on many elements as one does."""
    return isinstance(part, Operation) and part.operator in _MANY


def outside(expression: Expression) -> Iterator[Expression]:
    """The expression and its subexpressions, except those inside of reductions."""
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, Operation) and not is_reduction(part):
            waiting += reversed(part.operands)


def without_reductions(
    expression: Expression, value: Callable[[Operation], Expression]
) -> Expression:
    """The expression with a value for each of its outermost reductions."""

    def change(part: Expression) -> Expression | None:
        return value(part) if isinstance(part, Operation) and is_reduction(part) else None

    return rewrite(expression, change)


def of_one_element(expression: Expression) -> Expression:
    """The expression for tensors of one element.

    Reductions are the identity there, and functions of matrices those of numbers.
    """

    def change(part: Expression) -> Expression | None:
        if isinstance(part, Name) and part.id in SHAPES:
            return Number(2 if part.id == DIMS else 1)
        if not isinstance(part, Operation) or not is_reduction(part):
            return None
        if mixes(part):
            own = FACTS[part.operator].alone(*map(of_one_element, part.operands))
            return replace(own, location=part.location)
        inner = of_one_element(part.operands[0])
        is_norm = REDUCERS[part.operator].is_norm
        return Operation("abs", (inner,), part.location) if is_norm else inner

    return rewrite(expression, change)


def over_elements(steps: Iterable[Step], extents: Extents) -> tuple[Step, ...]:
    """The steps for values that have one number for each element.

    A sum of a vector counts each of its values once, and the elements would count it several times.
    """

    def change(part: Expression) -> Expression | None:
        if not isinstance(part, Operation) or part.operator not in REDUCTIONS:
            return None
        source, over = extents.reduction(part)
        reducer = REDUCERS[part.operator]
        inner = rewrite(part.operands[0], change)
        is_sum = reducer.combination is Combination.SUM and not reducer.is_mean
        if not is_sum or source not in VECTORS or over is Extent.MATRIX:
            return replace(part, operands=(inner,))
        term = Operation("**", (inner, Number(2))) if reducer.is_norm else inner
        mean = Operation("mean", (term,), part.location)
        total = Operation("*", (mean, Name(LENGTHS[source])), part.location)
        return Operation("sqrt", (total,), part.location) if reducer.is_norm else total

    return tuple(replace(step, expression=rewrite(step.expression, change)) for step in steps)


def by_sums(expression: Expression, extents: Extents) -> Expression:
    """The expression with means and norms as sums, as plans have them."""

    def change(part: Expression) -> Expression | None:
        if not isinstance(part, Operation) or part.operator not in REDUCTIONS:
            return None
        reducer, counted = REDUCERS[part.operator], COUNTS.get(extents.reduction(part))
        inner = rewrite(part.operands[0], change)
        if not (reducer.is_mean or reducer.is_norm):
            return replace(part, operands=(inner,))
        term = Operation("**", (inner, Number(2))) if reducer.is_norm else inner
        kind = part.operator.replace("mean", "sum").replace("norm", "sum")
        total = Operation(kind, (term,), part.location)
        if counted is None or reducer.is_norm:
            return Operation("sqrt", (total,), part.location)
        return Operation("/", (total, Name(counted)), part.location)

    return rewrite(expression, change)


def of_every_element(known: Mapping[str, Interval]) -> Mapping[str, Interval]:
    """The bounds of names in all elements of a tensor, given those in one of them."""
    wider = {name.removeprefix(EVERY): known[name] for name in known if name.startswith(EVERY)}
    return {**known, **wider} if wider else known
