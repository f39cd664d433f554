"""Functions of whole matrices as operations, over the last two of three dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from keras import ops

from optgen.runtime.matrix_calls import (
    EIGENVECTORS,
    ELEMENT,
    GRAM,
    INVERSE_ROOT,
    ORTHONORMAL,
    SHORT_BY_SHORT,
    MatrixCall,
)


def called(
    call: MatrixCall, operands: Sequence[Any], shapes: Sequence[str], numbers: Sequence[Any]
) -> Any:
    """The result of a call on tensors of some shapes, with further numbers."""
    if call.function in _OF_SQUARES:
        return _OF_SQUARES[call.function](*operands, *numbers)
    rows, columns = operands[-1].shape[-2:]
    if call.function == GRAM:
        (one,) = operands
        return ops.matmul(_turned(one), one) if rows > columns else ops.matmul(one, _turned(one))
    turned = zip(operands, call.transposed, strict=True)
    left, right = (_turned(one) if is_transposed else one for one, is_transposed in turned)
    if [*shapes] == [SHORT_BY_SHORT, ELEMENT] and rows > columns:
        return ops.matmul(right, _turned(left))
    return ops.matmul(left, right)


def _turned(tensor: Any) -> Any:
    return ops.swapaxes(tensor, -1, -2)


def _orthonormal(square: Any) -> Any:
    return ops.qr(square)[0]


def _eigenvectors(square: Any) -> Any:
    return ops.eigh(square)[1]


def _inverse_root(square: Any, degree: Any, added: Any) -> Any:
    values, vectors = ops.eigh(square)
    scales = ops.power(ops.maximum(values, 0) + added, -1 / degree)
    return ops.matmul(vectors * ops.expand_dims(scales, -2), _turned(vectors))


_OF_SQUARES: Mapping[str, Callable[..., Any]] = {
    ORTHONORMAL: _orthonormal,
    EIGENVECTORS: _eigenvectors,
    INVERSE_ROOT: _inverse_root,
}
