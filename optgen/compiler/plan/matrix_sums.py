"""Sums of a product and a matrix, each times a number of the call, in one call of a library."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from optgen.compiler.ir.expression import Expression, Name, Number, Operation
from optgen.compiler.ir.plan import Added


def sum_with_product(
    expression: Expression,
    is_number: Callable[[Expression], bool],
    is_product: Callable[[str], bool],
) -> tuple[str, Added] | None:
    """The product in a sum of a product and another matrix, and what it is added to."""
    terms = [*_terms(expression, is_number)]
    for (times, one), (number, other) in (terms, terms[::-1]) if terms else ():
        if isinstance(one, Name) and isinstance(other, Name) and one != other:
            if is_product(one.id):
                return one.id, Added(times, number, other)
    return None


def _terms(
    expression: Expression, is_number: Callable[[Expression], bool]
) -> Iterator[tuple[Expression, Expression]]:
    """The numbers and the matrices of the two terms of a sum or difference."""
    if not isinstance(expression, Operation) or expression.operator not in ("+", "-"):
        return
    first, second = expression.operands
    yield _factors(first, is_number)
    number, matrix = _factors(second, is_number)
    yield (number if expression.operator == "+" else _negative(number)), matrix


def _factors(
    term: Expression, is_number: Callable[[Expression], bool]
) -> tuple[Expression, Expression]:
    if isinstance(term, Operation) and term.operator == "*":
        first, second = term.operands
        for number, matrix in ((first, second), (second, first)):
            if is_number(number):
                return number, matrix
    return Number(1), term


def _negative(number: Expression) -> Expression:
    if isinstance(number, Number):
        return Number(-number.value)
    return Operation("neg", (number,), number.location)
