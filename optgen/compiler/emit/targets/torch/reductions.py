"""Reductions as operations of torch: of a parameter, of its rows and columns, and of all."""

from __future__ import annotations

import ast

from optgen.compiler.emit.targets.torch.maker import Maker
from optgen.compiler.emit.targets.torch.nodes import call, method, number, parsed, transposed
from optgen.compiler.ir.expression import Expression, Operation
from optgen.compiler.ir.extent import ARRAYS, VECTORS, Extent
from optgen.compiler.ir.matrix import COLUMNS, LONG, RANK, ROWS, SHORT, reduced
from optgen.compiler.ir.reduction import Combination, Reducer
from optgen.compiler.ir.rule import PARAM

#: The dimension that a reduction to rows, or to columns, leaves out.
_DIMENSION = {Extent.ROWS: -1, Extent.COLUMNS: -2}
#: The length of a parameter that counts the terms of a number there; else it is all elements.
_TERMS = {Extent.ROWS: "shape[-1]", Extent.COLUMNS: "shape[-2]"}
#: The norm of the norms of rows is that of a matrix.
_OF_COLUMNS, _OF_ROWS = "column_norm", "row_norm"
_LARGEST = {Combination.LARGEST: "torch.amax", Combination.SMALLEST: "torch.amin"}


class ReductionNodes:
    """Makes the trees of reductions, whose operands ``of`` makes."""

    def __init__(self, of: Maker) -> None:
        self._of = of

    def __call__(self, reducer: Reducer, operand: Expression) -> ast.expr:
        """The tree of a reduction of an expression."""
        of, over = self._of, reducer.extent
        if reducer.name == _OF_COLUMNS and (matrix := self._of_rows(operand)) is not None:
            return call("torch.linalg.matrix_norm", of(matrix), keepdim=ast.Constant(True))
        extent, tree = of.extents.of(operand), of(operand)
        if not (extent in VECTORS or extent in ARRAYS):
            terms = parsed(f"{of.name(PARAM)}.{_TERMS.get(over, 'numel()')}")
            one = self._of_number(reducer, tree, operand, terms)
            if over is not Extent.OPTIMIZER:
                return one
            # Parts of sums are tensors.
            is_tensor = of.kinds.is_tensor(operand)
            return of.total(one if is_tensor else call(f"{of.name(PARAM)}.new_tensor", one))
        if over is Extent.OPTIMIZER:
            return self._everywhere(reducer, tree)
        if over not in _DIMENSION:
            return _reduced(reducer, tree)
        found = _reduced(reducer, tree, dim=number(_DIMENSION[over]), keepdim=ast.Constant(True))
        sides = of.extents.sides(operand)
        if sides is None or reduced(sides, over) is None:
            return found
        return self._along_rank(found, tree, sides, over)

    def _of_rows(self, operand: Expression) -> Expression | None:
        """The matrix whose norms of rows an operand is; None of all else."""
        if not (isinstance(operand, Operation) and operand.operator == _OF_ROWS):
            return None
        (matrix,) = operand.operands
        return matrix if self._of.extents.of(matrix) is Extent.ELEMENT else None

    def _everywhere(self, reducer: Reducer, tree: ast.expr) -> ast.expr:
        if not reducer.is_norm:
            return self._of.total(call("torch.sum", tree))
        squares = call("torch.sum", ast.BinOp(tree, ast.Pow(), number(2)))
        return call("torch.sqrt", self._of.total(squares))

    def _of_number(
        self, reducer: Reducer, tree: ast.expr, operand: Expression, terms: ast.expr
    ) -> ast.expr:
        """A number counts once for each element."""
        if reducer.is_mean or reducer.combination is not Combination.SUM:
            return tree
        if not reducer.is_norm:
            return ast.BinOp(tree, ast.Mult(), terms)
        size = call("torch.abs" if self._of.kinds.is_tensor(operand) else "abs", tree)
        return ast.BinOp(size, ast.Mult(), call("math.sqrt", terms))

    def _along_rank(
        self, found: ast.expr, tree: ast.expr, sides: tuple[str, str], over: Extent
    ) -> ast.expr:
        """Numbers along a side of a matrix with a rank, as a matrix that has them in each line.

        It has the operand's shape where the side is the rank, else the parameter's.
        """
        side = sides[0] if over is Extent.ROWS else sides[1]
        if side == RANK:
            return method(found, "expand_as", tree)
        is_first = over is Extent.ROWS
        if is_first != (side in (ROWS, SHORT)):
            found = transposed(found)
        if side in (SHORT, LONG):
            found = self._of.function("turned", found, parsed(self._of.name(PARAM)))
        assert side in (ROWS, COLUMNS, SHORT, LONG)
        return method(found, "expand_as", parsed(self._of.name(PARAM)))


def _reduced(reducer: Reducer, tree: ast.expr, **along: ast.expr) -> ast.expr:
    if reducer.combination is not Combination.SUM:
        return call(_LARGEST[reducer.combination], tree, **along)
    if reducer.is_norm:
        return call("torch.linalg.vector_norm", tree, **along)
    return call("torch.mean" if reducer.is_mean else "torch.sum", tree, **along)
