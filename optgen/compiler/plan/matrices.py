"""Functions of whole matrices: calls of a library, and the scratch matrices that it works on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import Expression, Name, Operation, walk
from optgen.compiler.ir.extent import SQUARES, Extent
from optgen.compiler.ir.extents import Extents
from optgen.compiler.ir.matrix import (
    GRAM,
    INVERSE_ROOT,
    MATRIX_CALLS,
    OF_RANK_MANY,
    PRODUCT,
    TRANSPOSE,
    extent_of,
)
from optgen.compiler.ir.plan import Added, Assignment, Hold, Item, MatrixCall
from optgen.compiler.plan.hoisted_names import fresh, words
from optgen.compiler.plan.matrix_sums import MatrixSums

#: Replaces what has a smaller extent by names of hoisted values.
Hoist = Callable[[Expression, Extent, Condition, str, str], Expression]


class Matrices:
    """The scratch matrices of a program: operands that passes leave, and results of calls.

    A name whose value a scratch matrix holds is read from there by later passes, which would
    compute it again otherwise.
    """

    def __init__(
        self,
        extents: Extents,
        taken: set[str],
        items: list[Item],
        hoist: Hoist,
        *,
        is_narrow: bool = False,
    ) -> None:
        """New items are added to ``items``, and new names to ``taken``.

        ``is_narrow`` says that products are less precise than what is between them. Then all that
        libraries can compute is left to them; else only what they need in memory anyway.
        """
        self._extents, self._taken, self._items, self._hoist = extents, taken, items, hoist
        #: The scratch matrices by name.
        self.extents: dict[str, Extent] = {}
        self._held: dict[str, tuple[str, Condition]] = {}
        self._symmetric: set[str] = set()
        self._is_narrow = is_narrow
        self._sums = MatrixSums(items, extents, self.extents)

    def at_hand(self, guard: Condition, part: Expression) -> Expression | None:
        """The scratch matrix that holds the value of a name where a guard holds."""
        if isinstance(part, Name) and part.id in self._held:
            held, when = self._held[part.id]
            return Name(held, part.location) if guard.implies(when) else None
        return None

    def note(self, name: str, matrix: str, guard: Condition) -> None:
        """Record that a name has the value of a scratch matrix."""
        if matrix in self.extents:
            self._held[name] = matrix, guard

    def forget(self, name: str) -> None:
        """Record that a name gets another value."""
        self._held.pop(name, None)

    def sum_at_once(
        self, target: str, expression: Expression, guard: Condition, block: str
    ) -> Expression:
        """The result of a call that computes a sum with a product, where ``target`` is one."""
        name = self._summed(expression, target, guard, block) if self._is_narrow else None
        return expression if name is None else Name(name)

    def call(self, expression: Operation, guard: Condition, block: str) -> Expression:
        """The result of a call, whose operands are left in scratch matrices.

        Numbers that multiply a factor multiply the product instead.
        """
        if self._lies(expression):
            # No scratch matrix has this shape, and one has that of the transpose.
            first, second = expression.operands
            upright = replace(expression, operands=(turned(second), turned(first)))
            return turned(self.call(upright, guard, block))
        if expression.operator == PRODUCT:
            for place, operand in enumerate(expression.operands):
                if (parts := self._factored(operand)) is not None:
                    number, factors = parts[0], list(expression.operands)
                    factors[place] = parts[1]
                    inner = self.call(replace(expression, operands=tuple(factors)), guard, block)
                    return Operation("*", (number, inner), expression.location)
        extent = self._extents.of(expression)
        count = 2 if expression.operator == PRODUCT else 1
        matrices, numbers = expression.operands[:count], expression.operands[count:]
        operands = [self._operand(one, guard, block) for one in matrices]
        if expression.operator not in OF_RANK_MANY:
            # Their number is that of the result's columns.
            operands += [self._hoist(one, Extent.TENSOR, guard, "number", block) for one in numbers]
        call = self._with_itself(
            Operation(expression.operator, tuple(operands), expression.location)
        )
        target = self._scratch(words(call), f"{block}_product", extent)
        if self._is_symmetric(call):
            self._symmetric.add(target)
        self._items.append(MatrixCall(target, call, guard, block, extent))
        return Name(target, expression.location)

    def _with_itself(self, call: Operation) -> Operation:
        """The square of a symmetric matrix as the product with its transpose.

        Libraries compute half of such a product.
        """
        first, *others = call.operands
        if call.operator != PRODUCT or others != [first] or not self._is_symmetric(first):
            return call
        return replace(call, operands=(first, Operation(TRANSPOSE, (first,), first.location)))

    def _is_symmetric(self, value: Expression) -> bool:
        """Whether a matrix is symmetric, by how it was computed."""
        if isinstance(value, Name):
            held, _ = self._held.get(value.id, (value.id, None))
            return held in self._symmetric
        if not isinstance(value, Operation):
            return False
        if value.operator == PRODUCT:
            first, second = value.operands
            return Operation(TRANSPOSE, (first,)) == second or first == Operation(
                TRANSPOSE, (second,)
            )
        if value.operator in MATRIX_CALLS:
            return value.operator in (GRAM, INVERSE_ROOT)
        # A function of elements, of matrices and numbers.
        return self._extents.of(value) in SQUARES and all(
            self._extents.of(one) <= Extent.TENSOR or self._is_symmetric(one)
            for one in value.operands
        )

    def _factored(self, operand: Expression) -> tuple[Expression, Expression] | None:
        """The number and the matrix that an operand is the product of."""
        if not isinstance(operand, Operation) or operand.operator != "*":
            return None
        first, second = operand.operands
        for number, matrix in ((first, second), (second, first)):
            if self._extents.of(number) <= Extent.TENSOR:
                return number, matrix
        return None

    def _operand(self, expression: Expression, guard: Condition, block: str) -> Expression:
        """The name of a scratch matrix with the value of an operand, or its transpose."""
        if isinstance(expression, Operation) and expression.operator == TRANSPOSE:
            return turned(self._operand(expression.operands[0], guard, block))
        expression = self.at_hand(guard, expression) or expression
        if isinstance(expression, Name) and expression.id in self.extents:
            return expression
        if isinstance(expression, Name):
            assigned = self._sums.assignment(expression.id, guard)
            name = None if assigned is None else self._resummed(assigned, block)
        else:
            name = self._summed(expression, words(expression), guard, block)
        if name is not None:
            return Name(name, expression.location)
        extent = self._extents.of(expression)
        term = self._hoist(expression, extent, guard, "factor", block)
        target = self._scratch(f"held_{words(expression)}", f"held_{block}", extent)
        self._items.append(Hold(target, term, guard, block, extent))
        if self._is_symmetric(expression):
            self._symmetric.add(target)
        if isinstance(expression, Name):
            self.note(expression.id, target, guard)
        return Name(target, expression.location)

    def _resummed(self, assigned: Assignment, block: str) -> str | None:
        """The scratch matrix with the value of a name, where it is a sum with a product."""
        name = self._summed(
            assigned.expression, assigned.target, assigned.guard, block, (assigned,)
        )
        if name is not None:
            # What else needs the value reads it there.
            *before, call = self._items
            place = before.index(assigned)
            self._items[place:] = [call, replace(assigned, expression=Name(name))]
            self._items += before[place + 1 :]
            self.note(assigned.target, name, assigned.guard)
        return name

    def _summed(
        self,
        expression: Expression,
        wish: str,
        guard: Condition,
        block: str,
        readers: Sequence[Item] = (),
    ) -> str | None:
        """The scratch matrix with a sum, which one call makes instead of that of its product."""
        if (found := self._sums.call(expression, guard, readers)) is None:
            return None
        call, added = found
        times, number = (
            self._hoist(one, Extent.TENSOR, guard, "number", block)
            for one in (added.times, added.number)
        )
        target = self._scratch(f"held_{wish}", f"held_{block}", call.extent)
        if self._is_symmetric(expression):
            self._symmetric.add(target)
        del self.extents[call.target]
        self._items.remove(call)
        self._items.append(replace(call, target=target, added=Added(times, number, added.matrix)))
        return target

    def _lies(self, expression: Operation) -> bool:
        """Whether it is a product of columns by rows, which is a factor of another one."""
        found = self._extents.sides(expression)
        is_product = expression.operator == PRODUCT and found is not None
        return is_product and extent_of(found) is None

    def _scratch(self, wish: str, stem: str, extent: Extent) -> str:
        """A new scratch matrix."""
        name = fresh(wish, stem, self._taken)
        self._taken.add(name)
        self._extents.set(name, extent)
        self.extents[name] = extent
        return name


def turned(matrix: Expression) -> Expression:
    """The transpose of a matrix; that of a transpose is what it is of."""
    if isinstance(matrix, Operation) and matrix.operator == TRANSPOSE:
        return matrix.operands[0]
    return Operation(TRANSPOSE, (matrix,), matrix.location)


def calls_libraries(expression: Expression) -> bool:
    """Whether an expression has functions of whole matrices."""
    parts = (part for part in walk(expression) if isinstance(part, Operation))
    return any(part.operator in MATRIX_CALLS for part in parts)
