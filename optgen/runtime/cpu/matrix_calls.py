"""Calls of a library for batches of matrices; by default NumPy's, which are BLAS and LAPACK."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from optgen.runtime.batch import Batch
from optgen.runtime.cpu.decompositions import OF_MATRIX
from optgen.runtime.matrix_calls import ELEMENT, GRAM, MatrixCall, is_by_length
from optgen.runtime.matrix_library import MatrixLibrary
from optgen.runtime.transaction import Call

Mask = np.ndarray[Any, np.dtype[np.bool_]]
#: The value of a scalar for the variable of an index.
Scalar = Callable[[str, int], float]

NUMPY = MatrixLibrary(np.matmul, OF_MATRIX)


class MatrixCalls:
    """Makes calls for batches of variables."""

    def __init__(
        self,
        shapes: Mapping[str, str],
        batches: Sequence[Batch],
        scalar: Scalar,
        library: MatrixLibrary = NUMPY,
    ) -> None:
        """``shapes`` are those of scratch matrices by name."""
        self._shapes, self._batches, self._scalar = shapes, batches, scalar
        self._library = library

    def of(self, call: MatrixCall, chosen: Mask) -> Iterator[Call]:
        """The calls for the chosen variables: one for each batch, if all of it is chosen."""
        for batch in self._batches:
            mask = chosen[batch.members]
            if mask.all() and not call.numbers:
                yield self._call(call, batch, slice(None), ())
                continue
            for place in np.flatnonzero(mask).tolist():
                numbers = [
                    self._scalar(one, int(batch.members[place])) if isinstance(one, str) else one
                    for one in call.numbers
                ]
                yield self._call(call, batch, slice(place, place + 1), numbers)

    def _call(self, call: MatrixCall, batch: Batch, some: slice, numbers: Sequence[float]) -> Call:
        if batch.places is not None:
            return self._copied, call, batch, batch.places, numbers
        names = *call.operands, call.target
        matrices = [self._library.seen(batch.matrices[name][some]) for name in names]
        return self._made(call, batch, matrices, numbers)

    def _copied(
        self, call: MatrixCall, batch: Batch, places: Any, numbers: Sequence[float]
    ) -> None:
        """Make a call with copies of what has no strides as matrices."""

        def dense(name: str) -> Any:
            held = self._library.seen(batch.matrices[name])
            return held[:, places] if self._shapes[name] == ELEMENT else held

        matrices = [dense(name) for name in (*call.operands, call.target)]
        function, *arguments = self._made(call, batch, matrices, numbers)
        function(*arguments)
        if self._shapes[call.target] == ELEMENT:
            self._library.seen(batch.matrices[call.target])[:, places] = matrices[-1]

    def _made(
        self, call: MatrixCall, batch: Batch, matrices: list[Any], numbers: Sequence[float]
    ) -> Call:
        library, is_tall = self._library, batch.rows > batch.columns
        if call.function == GRAM:
            # The same memory twice: BLAS then computes one half of the symmetric result only.
            one, out = matrices
            pair = (_turned(one), one) if is_tall else (one, _turned(one))
            return library.multiply, *pair, out
        shapes = [self._shapes[name] for name in (*call.operands, call.target)]
        if is_tall and any(map(is_by_length, shapes)):
            # The variable's own matrix is short by long here.
            pairs = zip(matrices, shapes, strict=True)
            matrices = [_turned(one) if shape == ELEMENT else one for one, shape in pairs]
        *operands, out = matrices
        turned = zip(operands, call.transposed, strict=False)
        operands = [_turned(one) if is_transposed else one for one, is_transposed in turned]
        if call.function in library.of_matrix:
            return library.of_matrix[call.function], *operands, out, *numbers
        left, right = operands
        return library.multiply, left, right, out


def _turned(matrices: Any) -> Any:
    return matrices.swapaxes(-1, -2)
