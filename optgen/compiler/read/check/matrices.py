"""Matrices: products of shapes that fit, of variables that are matrices."""

from __future__ import annotations

from collections.abc import Iterator

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import REDUCTIONS, Expression, Name, Operation, names, walk
from optgen.compiler.ir.extent import MATRICES, OF_RANK, SQUARES, TALL, Extent
from optgen.compiler.ir.extents import AMOUNTS, Extents
from optgen.compiler.ir.matrix import (
    GRAM,
    MATRIX_CALLS,
    OF_RANK_MANY,
    OF_SQUARES,
    ORTHONORMAL,
    PRODUCT,
    RANK,
    SINGULAR_VECTORS,
    TRANSPOSE,
    Sides,
    extent_of,
)
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.reduction import REDUCERS
from optgen.compiler.ir.reserved import MATRIX
from optgen.compiler.ir.rule import Block, Rule, Step

_ADD_VIEW = 'add [matrix] view = "first by rest", or another view'
_ADD_RANK = 'add [matrix] rank = "…", the name of a hyperparameter of whole numbers'
_UNDER_IF = "put the line under if matrix:"


def check_matrices(rule: Rule) -> Iterator[Problem]:
    """Products whose shapes don't fit, and values of different matrices in one operation."""
    yield from _check_rank(rule)
    for block in rule.blocks:
        own, others = block.steps, (*block.otherwise, *block.perturb)
        for step in others if block.slot is None else (*own, *others):
            yield from _check_place(step.expression)
        yield from _Shapes(rule, block).problems()
    if rule.evaluation is not None:
        yield from _check_place(rule.evaluation)
    every = [step.expression for block in rule.blocks for step in block.every_step]
    if rule.compute_at is not None and not any(map(_multiplies, every)):
        message = "no line of the rule multiplies matrices, and compute is the type of products"
        yield Problem(message, rule.compute_at, "drop it, or write a product, as gram(grad) @ grad")


def _multiplies(expression: Expression) -> bool:
    parts = (part for part in walk(expression) if isinstance(part, Operation))
    return any(part.operator in (PRODUCT, GRAM) for part in parts)


def _check_rank(rule: Rule) -> Iterator[Problem]:
    """States of a rank where no hyperparameter is one."""
    if not any(h.bounds == RANK for h in rule.hyperparameters):
        for state in rule.states:
            if state.extent in OF_RANK:
                message = f"{state.name!r} has a side of a rank, and no hyperparameter is one"
                yield Problem(message, state.location, _ADD_RANK)


def _check_place(expression: Expression) -> Iterator[Problem]:
    for part in walk(expression):
        if isinstance(part, Operation) and part.operator in MATRIX_CALLS:
            message = "matrices are multiplied in the update of an optimizer only"
            yield Problem(message, part.location, "move the product into its [update] rule")
            return


class _Shapes:
    """The shapes of the values of one block."""

    def __init__(self, rule: Rule, block: Block) -> None:
        self._rule, self._block = rule, block
        self._extents = Extents(rule.states, block.steps, rule.inputs)

    def problems(self) -> Iterator[Problem]:
        """The first problem of each step, without those of what such a step has made."""
        unclear = set[str]()
        for step in self._block.steps if self._block.slot is None else ():
            is_clear = unclear.isdisjoint(names(step.expression))
            found = [*self._check(step.expression, step)] if is_clear else []
            if found or not is_clear:
                unclear.add(step.target)
            yield from found

    def _check(self, part: Expression, step: Step, *, is_factor: bool = False) -> Iterator[Problem]:
        if not isinstance(part, Operation):
            return
        is_product = part.operator in MATRIX_CALLS or part.operator == TRANSPOSE
        before = [
            problem
            for operand in part.operands
            for problem in self._check(operand, step, is_factor=is_product)
        ]
        yield from before
        if before:
            return
        if is_product:
            yield from self._check_product(part, step, is_factor=is_factor)
        elif part.operator in REDUCTIONS and not self._extents.is_library_call(part):
            yield from self._check_reduction(part)
        elif part.operator not in REDUCTIONS:
            yield from self._check_together(part)

    def _check_product(self, part: Operation, step: Step, *, is_factor: bool) -> Iterator[Problem]:
        is_matrix = (self._block.when & step.guard).implies(Condition.of(MATRIX))
        if not is_matrix:
            message = f"{part.operator} needs a matrix, and this line runs for other tensors too"
            hint = _UNDER_IF if self._rule.view else f"{_ADD_VIEW}, and {_UNDER_IF}"
            yield Problem(message, part.location, hint)
        elif part.operator in OF_SQUARES:
            yield from self._check_square(part)
        elif part.operator in OF_RANK_MANY:
            yield from self._check_of_rank(part)
        elif odd := next((o for o in part.operands if self._extents.sides(o) is None), None):
            message = f"{part.operator} is of matrices, and this has {self._amount(odd)}"
            yield Problem(message, odd.location, "write * for a product of elements")
        elif part.operator == TRANSPOSE and not is_factor:
            message = "transpose is a part of a product, and none of its elements"
            yield Problem(message, part.location, "write transpose(a) @ b, or a @ transpose(b)")
        elif part.operator == GRAM and self._extents.sides(part.operands[0]) != _ELEMENT:
            message = "gram is of a matrix of elements, and this is a square"
            yield Problem(message, part.location, "write a @ transpose(a)")
        elif part.operator == PRODUCT:
            yield from self._check_sides(part, is_factor=is_factor)

    def _check_square(self, part: Operation) -> Iterator[Problem]:
        square, *numbers = part.operands
        found = self._extents.of(square)
        if found not in SQUARES and not (part.operator == ORTHONORMAL and found in TALL):
            message = f"{part.operator} is of a square, and this has {self._amount(square)}"
            yield Problem(message, square.location, "take gram(x), or x @ transpose(x)")
        for one in numbers:
            if self._extents.of(one) is not Extent.CALL:
                message = f"{part.operator} takes a number, and this has {self._amount(one)}"
                yield Problem(message, one.location, "take a number, or a hyperparameter")

    def _check_of_rank(self, part: Operation) -> Iterator[Problem]:
        matrix, number = part.operands
        ranks = [h.name for h in self._rule.hyperparameters if h.bounds == RANK]
        found = self._extents.sides(matrix)
        if found is None:
            message = f"{part.operator} is of a matrix, and this has {self._amount(matrix)}"
            yield Problem(message, matrix.location, "take a matrix, or a product of matrices")
        elif found[0] == RANK:
            what = "singular vectors" if part.operator == SINGULAR_VECTORS else "rows"
            message = f"{_shown(found)} has no more {what} than its rank"
            hint = f"write {part.operator}(transpose(a), …) for those of the other side"
            yield Problem(message, matrix.location, hint)
        elif not isinstance(number, Name) or number.id not in ranks:
            message = f"the second argument of {part.operator} is the rank"
            yield Problem(message, number.location, f"write {ranks[0]}" if ranks else _ADD_RANK)

    def _check_sides(self, part: Operation, *, is_factor: bool) -> Iterator[Problem]:
        left, right = (self._extents.sides(one) for one in part.operands)
        assert left is not None
        assert right is not None
        found = self._extents.sides(part)
        if found is None:
            message = f"{_shown(left)} @ {_shown(right)} can't be multiplied"
            hint = f"{left[1]} meet {right[0]}"
            if left[1] == right[1]:
                hint += "; transpose the second"
            elif left[0] == right[0]:
                hint += "; transpose the first"
            yield Problem(message, part.location, hint)
        elif extent_of(found) is None and not is_factor:
            message = f"the product has {_shown(found)}, and no value has this shape"
            hint = "exchange the factors, and transpose both"
            yield Problem(message, part.location, hint)

    def _check_reduction(self, part: Operation) -> Iterator[Problem]:
        found, reducer = self._extents.of(part.operands[0]), REDUCERS[part.operator]
        if found in MATRICES and (reducer.extent is not Extent.TENSOR or reducer.is_mean):
            message = f"{part.operator} is of elements, and this has {AMOUNTS[found]}"
            yield Problem(
                message, part.location, "sum, norm, largest and smallest are of all matrices"
            )

    def _check_together(self, part: Operation) -> Iterator[Problem]:
        """A problem where an operation on elements has different matrices."""
        extents = [self._extents.of(one) for one in part.operands]
        square = next((one for one in extents if one in MATRICES), None)
        for extent, operand in zip(extents, part.operands, strict=True):
            if square is None or extent <= Extent.MATRIX or extent is square:
                continue
            message = f"this has {AMOUNTS[extent]}, and another operand has {AMOUNTS[square]}"
            hint = "elements of matrices of one shape only are combined; @ is their product"
            yield Problem(message, operand.location, hint)
            return

    def _amount(self, part: Expression) -> str:
        return AMOUNTS[self._extents.of(part)]


_ELEMENT: Sides = ("rows", "columns")


def _shown(found: Sides) -> str:
    """Sides in words."""
    return f"{found[0]} by {found[1]}"
