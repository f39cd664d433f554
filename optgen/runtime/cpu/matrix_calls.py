"""Calls of a library for batches of matrices; by default NumPy's, which are BLAS and LAPACK."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from optgen.runtime.batch import Batch
from optgen.runtime.cpu.decompositions import OF_MATRIX
from optgen.runtime.cpu.matrix_sums import adding
from optgen.runtime.kernels import Program
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
        inner: frozenset[str] = frozenset(),
    ) -> None:
        """``shapes`` are those of scratch matrices by name, ``inner`` those of products only."""
        self._shapes, self._batches, self._scalar = shapes, batches, scalar
        self._library, self._inner = library, inner

    def of(self, call: MatrixCall, chosen: Mask) -> Iterator[Call]:
        """The calls for the chosen variables: for each batch, if all of it is chosen."""
        for batch in self._batches:
            mask = chosen[batch.members]
            places = np.flatnonzero(mask).tolist()
            numbers = [self._numbers(call, int(batch.members[place])) for place in places]
            if mask.all() and len({*numbers}) == 1 and not self._is_single(call):
                yield from self._calls(call, batch, slice(None), numbers[0])
                continue
            for place, own in zip(places, numbers, strict=True):
                yield from self._calls(call, batch, slice(place, place + 1), own)

    def _is_single(self, call: MatrixCall) -> bool:
        """Whether a function of one matrix has numbers."""
        return bool(call.numbers) and call.function in self._library.of_matrix

    def _numbers(self, call: MatrixCall, index: int) -> tuple[float, ...]:
        return tuple(
            self._scalar(one, index) if isinstance(one, str) else one for one in call.numbers
        )

    def _calls(
        self, call: MatrixCall, batch: Batch, some: slice, numbers: Sequence[float]
    ) -> Iterator[Call]:
        if batch.places is not None:
            yield self._copied, call, batch, batch.places, numbers
            return
        names = *call.operands, call.target
        matrices = [self._seen(name, batch.matrices[name][some]) for name in names]
        yield from self._made(call, batch, matrices, numbers)

    def _seen(self, name: str, array: Any) -> Any:
        seen = self._library.seen(array)
        return self._library.inner(seen) if name in self._inner else seen

    def _copied(
        self, call: MatrixCall, batch: Batch, places: Any, numbers: Sequence[float]
    ) -> None:
        """Make a call with copies of what has no strides as matrices."""

        def dense(name: str) -> Any:
            held = self._library.seen(batch.matrices[name])
            return held[:, places] if self._shapes[name] == ELEMENT else held

        matrices = [dense(name) for name in (*call.operands, call.target)]
        for function, *arguments in self._made(call, batch, matrices, numbers):
            function(*arguments)
        if self._shapes[call.target] == ELEMENT:
            self._library.seen(batch.matrices[call.target])[:, places] = matrices[-1]

    def _made(
        self, call: MatrixCall, batch: Batch, matrices: list[Any], numbers: Sequence[float]
    ) -> Iterator[Call]:
        library, is_tall = self._library, batch.rows > batch.columns
        if call.function == GRAM:
            # The same memory twice: BLAS then computes one half of the symmetric result only.
            one, out = matrices
            pair = (_turned(one), one) if is_tall else (one, _turned(one))
            yield library.multiply, *pair, out
            return
        shapes = [self._shapes[name] for name in (*call.operands, call.target)]
        if is_tall and any(map(is_by_length, shapes)):
            # The variable's own matrix is short by long here.
            pairs = zip(matrices, shapes, strict=True)
            matrices = [_turned(one) if shape == ELEMENT else one for one, shape in pairs]
        *operands, out = matrices
        turned = zip_longest(operands, call.transposed[: len(operands)])
        operands = [_turned(one) if is_transposed else one for one, is_transposed in turned]
        if call.function in library.of_matrix:
            yield library.of_matrix[call.function], *operands, out, *numbers
            return
        left, right, *added = operands
        if not added:
            yield library.multiply, left, right, out
        elif library.add is not None:
            yield library.add, left, right, out, *added, *numbers
        else:
            yield library.multiply, left, right, out
            yield adding(out, *added, *numbers)


def inner(programs: Sequence[Program]) -> frozenset[str]:
    """The scratch matrices that products make, and that nothing but products reads."""
    phases = (phase for program in programs for phase in program.phases)
    return frozenset(one.target for phase in phases for one in phase.calls if one.is_inner)


def _turned(matrices: Any) -> Any:
    return matrices.swapaxes(-1, -2)
