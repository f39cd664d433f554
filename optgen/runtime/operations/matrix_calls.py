"""Functions of whole matrices as operations, over the last two of three dimensions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import nan
from typing import Any

from optgen.runtime import matrix_calls
from optgen.runtime.matrix_calls import (
    ELEMENT,
    GRAM,
    LARGEST_ROWS,
    SINGULAR_VECTORS,
    MatrixCall,
    is_by_length,
)
from optgen.runtime.operations.forms import Form


@dataclass(frozen=True)
class MatrixFunctions:
    """Functions of whole matrices of a library, which has decompositions in a ``dtype``."""

    library: Any
    dtype: str

    def called(
        self,
        call: MatrixCall,
        operands: Sequence[Any],
        shapes: Sequence[str],
        numbers: Sequence[Any],
        form: Form,
    ) -> Any:
        """The result of a call on tensors, with further numbers, for a variable of a form.

        ``shapes`` are those of the operands and of the result.
        """
        turned = self._turned
        _, rows, columns = form.shape
        is_tall = rows > columns
        if call.function == GRAM:
            (one,) = operands
            return turned(one) @ one if is_tall else one @ turned(one)
        # The variable's own matrix is short by long beside others with such a side.
        is_turned = is_tall and any(map(is_by_length, shapes))
        given = [
            turned(one) if is_turned and shape == ELEMENT else one
            for one, shape in zip(operands, shapes, strict=False)
        ]
        pairs = zip_longest(given, call.transposed[: len(given)])
        given = [turned(one) if is_transposed else one for one, is_transposed in pairs]
        if call.function in (SINGULAR_VECTORS, LARGEST_ROWS):
            of_rank = {SINGULAR_VECTORS: self._singular_vectors, LARGEST_ROWS: self._largest_rows}
            found = of_rank[call.function](given[0], form.varying(shapes[-1])[-1])
        else:
            found = self._found(call.function, given, numbers)
        found = turned(found) if is_turned and shapes[-1] == ELEMENT else found
        return self.library.broadcast_to(found, form.varying(shapes[-1]))

    def _found(self, function: str, given: Sequence[Any], numbers: Sequence[Any]) -> Any:
        match function:
            case matrix_calls.PRODUCT:
                return self._product(given, numbers)
            case matrix_calls.ORTHONORMAL:
                return self._of_matrix(self._orthonormal, given[0])
            case matrix_calls.EIGENVECTORS:
                return self._of_matrix(self._eigenvectors, given[0])
            case matrix_calls.INVERSE_ROOT:
                return self._of_matrix(self._inverse_root, given[0], *numbers)
        side, _, reduction = function.partition("_")
        return self._reduced(reduction, given[0], _AXES[side])

    def _product(self, given: Sequence[Any], numbers: Sequence[Any]) -> Any:
        left, right, *added = given
        # Like its maximum below, Keras's matmul rounds float64 to float32 on torch.
        found = left @ right
        for one in added:
            times, number = (self.library.cast(given, found.dtype) for given in numbers)
            found = times * found + number * one
        return found

    def _turned(self, tensor: Any) -> Any:
        return self.library.swapaxes(tensor, -1, -2)

    def _of_matrix(self, function: Callable[..., Any], matrix: Any, *numbers: Any) -> Any:
        """A function in the most precise dtype; NaN where elements aren't finite.

        Libraries differ in what they make of such elements; some raise.
        """
        ops = self.library
        is_finite = ops.all(ops.isfinite(matrix), axis=(-2, -1), keepdims=True)
        wide = ops.cast(ops.where(is_finite, matrix, ops.zeros_like(matrix)), self.dtype)
        result = function(wide, *(ops.cast(number, wide.dtype) for number in numbers))
        return ops.where(is_finite, ops.cast(result, matrix.dtype), nan)

    def _singular_vectors(self, matrix: Any, rank: int) -> Any:
        """Those of the largest singular values, whose largest entries are positive."""
        ops = self.library

        def leading(matrix: Any) -> Any:
            found = ops.svd(matrix, full_matrices=False)[0][..., :rank]
            places = ops.argmax(ops.abs(found), axis=-2, keepdims=True)
            return found * ops.sign(ops.take_along_axis(found, places, axis=-2))

        return self._of_matrix(leading, matrix)

    def _largest_rows(self, matrix: Any, rank: int) -> Any:
        """A column for each of the rows with the largest sums of magnitudes, the first if equal."""
        ops = self.library

        def chosen(matrix: Any) -> Any:
            sums = ops.sum(ops.abs(matrix), axis=-1)
            place = ops.cumsum(ops.ones_like(sums), axis=-1) - 1
            own, other = ops.expand_dims(sums, -1), ops.expand_dims(sums, -2)
            here, there = ops.expand_dims(place, -1), ops.expand_dims(place, -2)
            is_first = ops.logical_and(ops.equal(other, own), there < here)
            before = ops.cast(ops.logical_or(other > own, is_first), self.dtype)
            of_row = ops.sum(before, axis=-1, keepdims=True)
            return ops.cast(ops.equal(of_row, there[..., :rank]), self.dtype)

        return self._of_matrix(chosen, matrix)

    def _orthonormal(self, matrix: Any) -> Any:
        return self.library.qr(matrix)[0]

    def _eigenvectors(self, square: Any) -> Any:
        return self.library.eigh(square)[1]

    def _inverse_root(self, square: Any, degree: Any, shift: Any) -> Any:
        ops = self.library
        values, vectors = ops.eigh(square)
        values = ops.where(values > 0, values, ops.zeros_like(values))
        scales = ops.power(values + shift, -1 / degree)
        return (vectors * ops.expand_dims(scales, -2)) @ self._turned(vectors)

    def _reduced(self, reduction: str, matrix: Any, axis: int) -> Any:
        ops = self.library
        if reduction == "norm":
            return ops.sqrt(ops.sum(ops.square(matrix), axis=axis, keepdims=True))
        reduce = {"sum": ops.sum, "mean": ops.mean, "largest": ops.max, "smallest": ops.min}
        return reduce[reduction](matrix, axis=axis, keepdims=True)


#: Which axis is reduced, for one number of each.
_AXES = {"row": -1, "column": -2}
