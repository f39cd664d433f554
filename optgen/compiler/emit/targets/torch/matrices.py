"""Functions of whole matrices as operations of torch."""

from __future__ import annotations

import ast

from optgen.compiler.emit.targets.torch.maker import Maker
from optgen.compiler.emit.targets.torch.nodes import parsed, transposed
from optgen.compiler.ir.expression import Expression, Operation
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.matrix import (
    COLUMNS,
    LONG,
    OF_RANK_MANY,
    PRODUCT,
    ROWS,
    SHORT,
    TRANSPOSE,
    Sides,
)
from optgen.compiler.ir.rule import PARAM

_OWN: tuple[Sides, ...] = ((ROWS, COLUMNS), (COLUMNS, ROWS))


class MatrixNodes:
    """Makes the trees of products and decompositions, whose operands ``of`` makes."""

    def __init__(self, of: Maker, *, narrow: bool) -> None:
        self._of, self._narrow = of, narrow

    def __call__(self, operation: Operation) -> ast.expr:
        """The tree of a function of matrices."""
        of, operator = self._of, operation.operator
        first, *others = operation.operands
        if operator == PRODUCT:
            return self._product(first, *others)
        if operator == TRANSPOSE:
            return transposed(of(first))
        if operator in OF_RANK_MANY:
            return of.function(operator, self._turned(first), *map(of, others))
        return of.function(operator, of(first), *map(of, others))

    def _product(self, left: Expression, right: Expression) -> ast.expr:
        """A product: beside a side that is named by its length, the parameter's matrix is too."""
        of = self._of
        sides = [side for one in (left, right) for side in of.extents.sides(one) or ()]
        by_length = SHORT in sides or LONG in sides
        trees = [self._turned(one) if by_length else of(one) for one in (left, right)]
        made: ast.expr = ast.BinOp(trees[0], ast.MatMult(), trees[1])
        if self._narrow:
            made = of.function("product", *trees)
        is_own = of.extents.of(Operation(PRODUCT, (left, right))) is Extent.ELEMENT
        is_own = is_own or of.extents.sides(Operation(PRODUCT, (left, right))) in _OWN
        return self._turning(made) if by_length and is_own else made

    def _turned(self, operand: Expression) -> ast.expr:
        """An operand; the parameter's own matrix as one of fewer rows than columns."""
        tree = self._of(operand)
        return self._turning(tree) if self._of.extents.sides(operand) in _OWN else tree

    def _turning(self, tree: ast.expr) -> ast.expr:
        return self._of.function("turned", tree, parsed(self._of.name(PARAM)))
