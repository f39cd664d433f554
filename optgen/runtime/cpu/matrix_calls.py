"""Functions of whole matrices by NumPy, which hands them to BLAS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from optgen.runtime.arrays import Array
from optgen.runtime.matrix_calls import ELEMENT, GRAM, SHORT_BY_SHORT, MatrixCall
from optgen.runtime.scratch import Batch
from optgen.runtime.transaction import Call

Mask = np.ndarray[Any, np.dtype[np.bool_]]


def matrix_calls(
    call: MatrixCall, shapes: dict[str, str], batches: Sequence[Batch], chosen: Mask
) -> Iterator[Call]:
    """The calls of NumPy for the chosen variables: one for each batch, if all of it is chosen."""
    for batch in batches:
        mask = chosen[batch.members]
        if mask.all():
            yield _called(call, shapes, batch, slice(None))
        else:
            for place in np.flatnonzero(mask).tolist():
                yield _called(call, shapes, batch, slice(place, place + 1))


def _called(call: MatrixCall, shapes: dict[str, str], batch: Batch, some: slice) -> Call:
    operands = [batch.matrices[name][some] for name in call.operands]
    out, is_tall = batch.matrices[call.target][some], batch.rows > batch.columns
    if call.function == GRAM:
        # The same memory twice, so that BLAS computes one half of the symmetric result.
        (one,) = operands
        return (
            (np.matmul, _turned(one), one, out) if is_tall else (np.matmul, one, _turned(one), out)
        )
    left, right = (
        _turned(one) if is_transposed else one
        for one, is_transposed in zip(operands, call.transposed, strict=True)
    )
    is_of_short = shapes[call.operands[0]] == SHORT_BY_SHORT
    if is_of_short and shapes[call.operands[1]] == ELEMENT and is_tall:
        return np.matmul, right, _turned(left), out
    return np.matmul, left, right, out


def _turned(matrices: Array) -> Array:
    return np.swapaxes(matrices, -1, -2)
