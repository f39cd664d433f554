"""Sums of a product and a matrix, each times a number of the call, in one call of a library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, names
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.extents import Extents
from optgen.compiler.ir.matrix import PRODUCT
from optgen.compiler.ir.plan import Added, Assignment, Item, MatrixCall, expression_of


class MatrixSums:
    """Finds products of a program that have their only use in such a sum."""

    def __init__(
        self, items: Sequence[Item], extents: Extents, matrices: Mapping[str, Extent]
    ) -> None:
        """``matrices`` are the scratch matrices so far."""
        self._items, self._extents, self._matrices = items, extents, matrices

    def assignment(self, name: str, guard: Condition) -> Assignment | None:
        """What gives a name its value where a guard holds."""
        last = next((one for one in reversed(self._items) if one.target == name), None)
        return last if isinstance(last, Assignment) and guard.implies(last.guard) else None

    def call(
        self, expression: Expression, guard: Condition, readers: Sequence[Item] = ()
    ) -> tuple[MatrixCall, Added] | None:
        """The call of the product in a sum, and what the product is added to.

        ``readers`` are the items with this expression.
        """
        terms = [*_terms(expression, lambda one: self._extents.of(one) is Extent.CALL)]
        for (times, one), (number, other) in (terms, terms[::-1]) if terms else ():
            if isinstance(one, Name) and isinstance(other, Name) and one != other:
                call = self._product(one.id, guard, readers)
                if call is not None and self._matrices.get(other.id) == call.extent:
                    return call, Added(times, number, other)
        return None

    def _product(self, name: str, guard: Condition, readers: Sequence[Item]) -> MatrixCall | None:
        """The call that makes a product, if nothing else reads it."""
        if [one for one in self._items if name in names(expression_of(one))] != [*readers]:
            return None
        for item in self._items:
            if isinstance(item, MatrixCall) and item.target == name and item.guard == guard:
                is_product = item.function.operator == PRODUCT and item.added is None
                return item if is_product else None
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
