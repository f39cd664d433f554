"""Calls of a library for batches of matrices; by default NumPy's, which are BLAS and LAPACK."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from optgen.runtime.batch import Batch
from optgen.runtime.cpu.decompositions import OF_SQUARES
from optgen.runtime.matrix_calls import ELEMENT, GRAM, SHORT_BY_SHORT, MatrixCall
from optgen.runtime.matrix_library import MatrixLibrary
from optgen.runtime.transaction import Call

Mask = np.ndarray[Any, np.dtype[np.bool_]]
#: The value of a scalar for the variable of an index.
Scalar = Callable[[str, int], float]

NUMPY = MatrixLibrary(np.matmul, OF_SQUARES)


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
        library, is_tall = self._library, batch.rows > batch.columns
        operands = [library.seen(batch.matrices[name][some]) for name in call.operands]
        out = library.seen(batch.matrices[call.target][some])
        if call.function in library.of_squares:
            return library.of_squares[call.function], operands[0], out, *numbers
        if call.function == GRAM:
            # The same memory twice: BLAS then computes one half of the symmetric result only.
            (one,) = operands
            pair = (_turned(one), one) if is_tall else (one, _turned(one))
            return library.multiply, *pair, out
        turned = zip(operands, call.transposed, strict=True)
        left, right = (_turned(one) if is_transposed else one for one, is_transposed in turned)
        shapes = [self._shapes[name] for name in call.operands]
        if shapes == [SHORT_BY_SHORT, ELEMENT] and is_tall:
            return library.multiply, right, _turned(left), out
        return library.multiply, left, right, out


def _turned(matrices: Any) -> Any:
    return matrices.swapaxes(-1, -2)
