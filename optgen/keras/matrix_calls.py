"""Functions of whole matrices as operations, over the last two of three dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from math import nan
from typing import Any

from keras import ops

from optgen.keras.arithmetic import host_dtype
from optgen.keras.matrices import Matrices
from optgen.runtime.matrix_calls import (
    EIGENVECTORS,
    ELEMENT,
    GRAM,
    INVERSE_ROOT,
    ORTHONORMAL,
    PRODUCT,
    SINGULAR_VECTORS,
    MatrixCall,
    is_by_length,
)


def called(
    call: MatrixCall,
    operands: Sequence[Any],
    shapes: Sequence[str],
    numbers: Sequence[Any],
    form: Matrices,
) -> Any:
    """The result of a call on tensors, with further numbers, for a variable of a form.

    ``shapes`` are those of the operands and of the result.
    """
    _, rows, columns = form.shape
    is_tall = rows > columns
    if call.function == GRAM:
        (one,) = operands
        return ops.matmul(_turned(one), one) if is_tall else ops.matmul(one, _turned(one))
    # The variable's own matrix is short by long beside others with such a side.
    is_turned = is_tall and any(map(is_by_length, shapes))
    given = [
        _turned(one) if is_turned and shape == ELEMENT else one
        for one, shape in zip(operands, shapes, strict=False)
    ]
    turned = zip_longest(given, call.transposed[: len(given)])
    given = [_turned(one) if is_transposed else one for one, is_transposed in turned]
    if call.function == PRODUCT:
        left, right, *added = given
        found = ops.matmul(left, right)
        for one in added:
            times, number = (ops.cast(given, found.dtype) for given in numbers)
            found = times * found + number * one
    elif call.function == SINGULAR_VECTORS:
        found = _singular_vectors(form.varying(shapes[-1])[-1])(given[0])
    elif call.function in _DECOMPOSITIONS:
        found = _DECOMPOSITIONS[call.function](*given, *numbers)
    else:
        reduce, axis = _OF_AXES[call.function]
        found = reduce(*given, axis=axis, keepdims=True)
    found = _turned(found) if is_turned and shapes[-1] == ELEMENT else found
    return ops.broadcast_to(found, form.varying(shapes[-1]))


def _turned(tensor: Any) -> Any:
    return ops.swapaxes(tensor, -1, -2)


def _of_matrix(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function in the most precise dtype of the backend; NaN where elements aren't finite.

    Libraries differ in what they make of such elements; some raise.
    """

    def found(matrix: Any, *numbers: Any) -> Any:
        is_finite = ops.all(ops.isfinite(matrix), axis=(-2, -1), keepdims=True)
        wide = ops.cast(ops.where(is_finite, matrix, ops.zeros_like(matrix)), host_dtype())
        result = function(wide, *(ops.cast(number, wide.dtype) for number in numbers))
        return ops.where(is_finite, ops.cast(result, matrix.dtype), nan)

    return found


def _singular_vectors(rank: int) -> Callable[..., Any]:
    """Those of the largest singular values, whose largest entries are positive."""

    @_of_matrix
    def leading(matrix: Any) -> Any:
        found = ops.svd(matrix, full_matrices=False)[0][..., :rank]
        places = ops.argmax(ops.abs(found), axis=-2, keepdims=True)
        return found * ops.sign(ops.take_along_axis(found, places, axis=-2))

    return leading


def _norm(matrix: Any, axis: int, *, keepdims: bool) -> Any:
    return ops.sqrt(ops.sum(ops.square(matrix), axis=axis, keepdims=keepdims))


@_of_matrix
def _orthonormal(matrix: Any) -> Any:
    return ops.qr(matrix)[0]


@_of_matrix
def _eigenvectors(square: Any) -> Any:
    return ops.eigh(square)[1]


@_of_matrix
def _inverse_root(square: Any, degree: Any, shift: Any) -> Any:
    values, vectors = ops.eigh(square)
    scales = ops.power(ops.maximum(values, 0) + shift, -1 / degree)
    return ops.matmul(vectors * ops.expand_dims(scales, -2), _turned(vectors))


_DECOMPOSITIONS: Mapping[str, Callable[..., Any]] = {
    ORTHONORMAL: _orthonormal,
    EIGENVECTORS: _eigenvectors,
    INVERSE_ROOT: _inverse_root,
}
_REDUCERS: Mapping[str, Callable[..., Any]] = {
    "sum": ops.sum,
    "mean": ops.mean,
    "norm": _norm,
    "largest": ops.max,
    "smallest": ops.min,
}
_OF_AXES: Mapping[str, tuple[Callable[..., Any], int]] = {
    f"{of}_{name}": (reduce, axis)
    for of, axis in (("row", -1), ("column", -2))
    for name, reduce in _REDUCERS.items()
}
