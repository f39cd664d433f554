"""Proofs that an expression is non-negative or positive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optgen.analysis.exact.bounds import bounds
from optgen.analysis.exact.interval import NONNEGATIVE, Interval
from optgen.analysis.exact.polynomial import NotPolynomialError, never_negative, polynomial
from optgen.analysis.exact.reductions import of_every_element, without_reductions
from optgen.compiler.ir.expression import (
    NEGATIONS,
    REDUCTIONS,
    Expression,
    Name,
    Number,
    Operation,
    names,
    rewrite,
    substitute,
    walk,
)

Known = Mapping[str, Interval]
_SLACK = "slack of "
#: The limit on nested case distinctions.
MOST_CASES = 3
#: The value of a subexpression in one case, and the conditions of that case.
_Case = tuple[Expression, tuple[Expression, ...]]


def never_below_zero(expression: Expression, known: Known, relations: Sequence[Expression]) -> str:
    """A proof that an expression is nonnegative; empty if none was found."""
    expression, known = _with_reductions(expression, known, relations)
    found = _directly(expression, known, relations)
    return found or _by_cases(expression, known, relations, MOST_CASES)


def _with_reductions(
    expression: Expression, known: Known, relations: Sequence[Expression]
) -> tuple[Expression, Known]:
    """The expression with a name for each reduction, and the bounds of these names.

    A case or a relation of one element says nothing about the other ones, which are in reductions.
    The reduction of nonnegative numbers is nonnegative.
    """
    found: dict[Expression, str] = {}
    own: dict[str, Interval] = {}

    def named(part: Operation) -> Expression:
        if part not in found:
            found[part] = name = f"reduction {len(found)}"
            own[name] = bounds(part, known)
            reduces = part.operator in REDUCTIONS and not own[name].is_nonnegative
            if reduces and never_below_zero(part.operands[0], of_every_element(known), relations):
                own[name] = own[name].meet(NONNEGATIVE)
        return Name(found[part], part.location)

    return without_reductions(expression, named), {**known, **own} if own else known


def _by_cases(
    expression: Expression, known: Known, relations: Sequence[Expression], depth: int
) -> str:
    """A proof by cases over the first choice, sign or extremum in an expression."""
    cases = next(filter(None, map(_cases, walk(expression))), None)
    if cases is None or depth == 0:
        return ""
    choice, ways = cases
    for instead, relation in ways:
        part = _replaced(expression, choice, instead)
        own = (*relations, *relation)
        if not (_directly(part, known, own) or _by_cases(part, known, own, depth - 1)):
            return ""
    return "in each case of what it chooses"


def _cases(part: Expression) -> tuple[Expression, list[_Case]] | None:
    """The cases of a subexpression: its value in each, and the conditions of each."""
    match part:
        case Operation("sign", (inner,)):
            left, right = _compared(inner)
            ways = [(Number(1), ">="), (Number(-1), "<="), (Number(0), "==")]
            return part, [(new, (Operation(op, (left, right)),)) for new, op in ways]
        case Operation("max" | "min" as operator, (a, b)):
            over = ">=" if operator == "max" else "<="
            return part, [(a, (Operation(over, (a, b)),)), (b, (Operation(over, (b, a)),))]
        case Operation("where", (condition, yes, no)):
            if isinstance(condition, Operation) and condition.operator in NEGATIONS:
                other = Operation(NEGATIONS[condition.operator], condition.operands)
                return part, [(yes, (condition,)), (no, (other,))]
            return part, [(yes, ()), (no, ())]
    return None


def _compared(inner: Expression) -> tuple[Expression, Expression]:
    if isinstance(inner, Operation) and inner.operator == "-":
        return inner.operands[0], inner.operands[1]
    return inner, Number(0)


def _replaced(expression: Expression, old: Expression, new: Expression) -> Expression:
    return rewrite(expression, lambda part: new if part == old else None)


def _directly(expression: Expression, known: Known, relations: Sequence[Expression]) -> str:
    """A proof without case distinctions."""
    if bounds(expression, known).is_nonnegative:
        return "by the intervals of its parts"
    reason = _by_polynomial(expression, known, relations)
    if reason:
        return reason
    if isinstance(expression, Operation) and expression.operator == "-":
        # max(a, b) - c is nonnegative if a - c or b - c is.
        left, right = expression.operands
        if isinstance(left, Operation) and left.operator == "max":
            for operand in left.operands:
                reason = never_below_zero(Operation("-", (operand, right)), known, relations)
                if reason:
                    return reason
    return ""


def always_above_zero(expression: Expression, known: Known, relations: Sequence[Expression]) -> str:
    """A proof that an expression is positive; empty if none was found."""
    expression, known = _with_reductions(expression, known, relations)
    if bounds(expression, known).is_positive:
        return "by the intervals of its parts"
    if isinstance(expression, Operation) and expression.operator == "sqrt":
        return always_above_zero(expression.operands[0], known, relations)
    if isinstance(expression, Operation) and expression.operator == "+":
        for one, other in (expression.operands, expression.operands[::-1]):
            if bounds(one, known).is_positive:
                return never_below_zero(other, known, relations)
    return ""


def _by_polynomial(expression: Expression, known: Known, relations: Sequence[Expression]) -> str:
    slack, more = _slack(relations, known)
    opaque: dict[Expression, str] = {}
    try:
        found = polynomial(substitute(expression, slack), opaque)
        own = {name: bounds(part, known) for part, name in opaque.items()}
        if never_negative(found, {**known, **more, **own}):
            return "as a polynomial whose factors have known signs"
    except NotPolynomialError:
        pass
    return ""


def _slack(
    relations: Sequence[Expression], known: Known
) -> tuple[dict[str, Expression], dict[str, Interval]]:
    """For ``a <= b`` with a state b, substitute b = a + slack with a nonnegative slack variable."""
    values: dict[str, Expression] = {}
    more: dict[str, Interval] = {}
    for relation in relations:
        if not isinstance(relation, Operation) or relation.operator not in ("<=", ">=", "<", ">"):
            continue
        small, large = relation.operands
        if relation.operator in (">=", ">"):
            small, large = large, small
        if isinstance(large, Name) and large.id not in {*values, *names(small)}:
            name = _SLACK + large.id
            values[large.id] = Operation("+", (small, Name(name)))
            more[name] = NONNEGATIVE
    return values, more


def difference(condition: Operation) -> Expression:
    """The difference that is nonnegative if a comparison holds."""
    left, right = condition.operands
    if condition.operator in (">=", ">"):
        left, right = right, left
    return right if left == Number(0) else Operation("-", (right, left))
