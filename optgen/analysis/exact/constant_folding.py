"""Substitution of known values and exact constant folding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from optgen.analysis.exact.interval import bits
from optgen.analysis.exact.matrix_facts import FACTS
from optgen.compiler.ir.expression import COMPARISONS, Expression, Name, Number, Operation
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.reduction import REDUCERS, Combination
from optgen.compiler.ir.value import evaluate

_LARGEST, _LARGEST_POWER = 10**40, 64
#: The size limit of numbers, in bits.
_LONGEST = 4000
#: The values of operands; None for those that aren't rational numbers.
Exact = list[Fraction | None]


def folded(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """An expression after substitution of names and folding of all rational constants.

    Folding may remove subexpressions with domain conditions; other analyses check these.
    """
    match expression:
        case Name(name):
            return values.get(name, expression)
        case Number():
            return expression
    operands = tuple(folded(operand, values) for operand in expression.operands)
    return _simpler(expression.operator, operands)


def _simpler(operator: str, operands: tuple[Expression, ...]) -> Expression:
    exact = [_exact(operand) for operand in operands]
    found = _value(operator, exact)
    if found is not None:
        return _number(found)
    if operator in ("+", "-"):
        return _sum(operator, operands, exact)
    if operator in ("*", "/", "**"):
        return _product(operator, operands, exact)
    if operator == "where":
        return _choice(operands)
    if operator in FACTS:
        is_zero = FACTS[operator].vanishes and 0 in exact
        return Number(0) if is_zero else Operation(operator, operands)
    if operator in REDUCERS:
        return _reduction(operator, operands, exact)
    return Operation(operator, operands)


def _reduction(operator: str, operands: tuple[Expression, ...], exact: Exact) -> Expression:
    """Reductions of 0 are 0; a mean, or the largest, of equal numbers is that number."""
    reducer, (value,) = REDUCERS[operator], exact
    is_sum = reducer.combination is Combination.SUM and not reducer.is_mean
    if value == 0 or (value is not None and not is_sum):
        return operands[0]
    return Operation(operator, operands)


def _choice(operands: tuple[Expression, ...]) -> Expression:
    condition, yes, no = operands
    if yes == no:
        return yes
    if isinstance(condition, Operation) and condition.operator in COMPARISONS:
        left, right = (_exact(operand) for operand in condition.operands)
        if left is not None and right is not None:
            named = Operation(condition.operator, (Name("left"), Name("right")))
            return yes if evaluate(named, {"left": left, "right": right}) else no
    return Operation("where", operands)


def _sum(operator: str, operands: tuple[Expression, ...], exact: Exact) -> Expression:
    if exact[1] == 0:
        return operands[0]
    if exact[0] == 0:
        return operands[1] if operator == "+" else Operation("neg", (operands[1],))
    if operator == "-" and operands[0] == operands[1]:
        return Number(0)
    return Operation(operator, operands)


def _product(operator: str, operands: tuple[Expression, ...], exact: Exact) -> Expression:
    if exact[1] == 1:
        return operands[0]
    if operator == "*" and exact[0] == 1:
        return operands[1]
    if (operator == "*" and 0 in exact) or (operator == "/" and exact[0] == 0):
        return Number(0)
    return Operation(operator, operands)


def _value(operator: str, exact: Exact) -> Fraction | None:
    """The rational value of an operation on rational numbers; None if it has none."""
    numbers = [value for value in exact if value is not None]
    if len(numbers) < len(exact) or operator not in _RATIONAL:
        return None
    found = _RATIONAL[operator](*numbers)
    return found if found is not None and bits(found) <= _LONGEST else None


def _power(a: Fraction, b: Fraction) -> Fraction | None:
    is_natural = b.denominator == 1 and 0 <= b <= _LARGEST_POWER
    return Fraction(a ** int(b)) if is_natural else None


_RATIONAL: Mapping[str, Callable[..., Fraction | None]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else None,
    "%": lambda a, b: a % b if b else None,
    "**": _power,
    "neg": lambda a: -a,
    **{f.name: f.exact for f in REGISTRY.values() if f.exact is not None},
}


def _exact(expression: Expression) -> Fraction | None:
    match expression:
        case Number(value) if not isinstance(value, bool):
            return Fraction(repr(value))
        case Operation("/", (Number(a), Number(b))) if b:
            return Fraction(repr(a)) / Fraction(repr(b))
    return None


def _number(value: Fraction) -> Expression:
    if value.denominator == 1 and abs(value) < _LARGEST:
        return Number(int(value))
    top, bottom = Number(value.numerator), Number(value.denominator)
    return Operation("/", (top, bottom))
