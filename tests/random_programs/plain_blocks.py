"""Blocks of buffers as Python goes through them, in each storage, with NumPy's numbers."""

from __future__ import annotations

import ctypes
from typing import Any

import ml_dtypes
import numpy as np

from optgen.runtime.codes import BLOCK, CODES
from optgen.runtime.cpu.jit import Array
from optgen.runtime.cpu.storage import DRAWN, REMAINDER, SEED, SPLIT, STEP, Formats
from optgen.runtime.remainders import joined, parted
from tests.runtime.rounding import FIRST, code_noise, drawn, encoded, noise, once

Here = tuple[int, int, int, int, int]


def block(addresses: Array, tensor: int, column: int, here: Here, of: Formats) -> Any:
    """A stretch of a buffer."""
    storage, real = of.storage(column), of.real
    if not storage:
        return _stretch(addresses, tensor, column, here, np.dtype(real))
    if storage in CODES:
        return Coded(addresses, tensor, column, here, storage, real)
    if SPLIT in storage:
        return Split(addresses, tensor, column, here, int(storage.partition(SPLIT)[2]))
    kind = Drawn if storage.endswith(DRAWN) else Stored
    return kind(addresses, tensor, column, here, np.dtype(storage.removesuffix(DRAWN)), real)


def store(some: Any, index: int, position: int, value: Any) -> None:
    """Store an element, given its place in the whole variable."""
    if isinstance(some, Drawn):
        some.put(index, position, value)
    else:
        some[index] = value


def as_stored(some: Any, index: int, position: int, value: Any) -> Any:
    """A number as it is loaded again once it's stored: it's stored, and taken back."""
    if not isinstance(some, Stored | Split):
        return value
    before = some.memory(index)
    store(some, index, position, value)
    found = some[index]
    some.restore(index, before)
    return found


def encode(some: Any) -> None:
    """Encode the elements of a block with codes."""
    if isinstance(some, Coded):
        some.encode()


def view(address: int, count: int, real: Any) -> Array:
    """Memory as an array."""
    if not count:
        return np.zeros(0, real)
    memory = (ctypes.c_char * (int(count) * np.dtype(real).itemsize)).from_address(int(address))
    return np.frombuffer(memory, real)


def _stretch(addresses: Array, tensor: int, column: int, here: Here, dtype: np.dtype[Any]) -> Array:
    first, _, size, _, _ = here
    return view(int(addresses[tensor, column]) + int(first) * dtype.itemsize, size, dtype)


def _stream(addresses: Array, tensor: int, column: int) -> tuple[int, int, int, int]:
    """What noise depends on: variable, step, seed, draw."""
    own = addresses[tensor]
    return int(tensor), int(own[STEP]), int(own[SEED]), FIRST + int(column)


class Stored:
    """A block whose elements are converted when they are loaded and stored."""

    def __init__(
        self,
        addresses: Array,
        tensor: int,
        column: int,
        here: Here,
        dtype: np.dtype[Any],
        real: Any,
    ) -> None:
        self._found, self._real = _stretch(addresses, tensor, column, here, dtype), real
        self._stream, self._place = _stream(addresses, tensor, column), int(here[1])

    def __getitem__(self, place: int) -> Any:
        return self._real(self._found[place])

    def __setitem__(self, place: int, value: Any) -> None:
        self._found[place] = once(np.asarray(value), self._found.dtype)

    def memory(self, place: int) -> Any:
        """An element as it is stored."""
        return self._found[place]

    def restore(self, place: int, element: Any) -> None:
        """Undo a store."""
        self._found[place] = element


class Drawn(Stored):
    """Elements become a neighbour that noise chooses."""

    def __setitem__(self, place: int, value: Any) -> None:
        self.put(place, self._place + place, value)

    def put(self, place: int, position: int, value: Any) -> None:
        numbers = noise(np.array([position]), *self._stream)
        with np.errstate(over="ignore"):
            near = np.array([value], np.float32)
        self._found[place] = drawn(near, numbers, self._found.dtype)[0]


class Split:
    """Elements have further bits in another buffer."""

    def __init__(
        self, addresses: Array, tensor: int, column: int, here: Here, further: int
    ) -> None:
        self._dtype = np.dtype(f"int{further}")
        place = addresses, tensor
        self._found = _stretch(*place, column, here, np.dtype(ml_dtypes.bfloat16))
        self._rest = _stretch(*place, REMAINDER, here, self._dtype)

    def __getitem__(self, place: int) -> Any:
        some = slice(place, place + 1)
        return joined(self._found[some], self._rest[some])[0]

    def __setitem__(self, place: int, value: Any) -> None:
        upper, rest = parted(np.array([value], np.float32), self._dtype)
        self._found[place], self._rest[place] = upper[0], rest[0]

    def memory(self, place: int) -> Any:
        """An element as it is stored."""
        return self._found[place], self._rest[place]

    def restore(self, place: int, element: Any) -> None:
        """Undo a store."""
        self._found[place], self._rest[place] = element


class Coded:
    """Elements are decoded before, and encoded behind the loop."""

    def __init__(
        self, addresses: Array, tensor: int, column: int, here: Here, storage: str, real: Any
    ) -> None:
        first, place, size, _, _ = here
        assert first % BLOCK == 0
        self._code, count = CODES[storage], -(-size // BLOCK)
        begin = int(addresses[tensor, column]) + int(first) // BLOCK * self._code.dtype.itemsize
        self._blocks = view(begin, count, self._code.dtype)
        self._numbers = self._code.decoded(self._blocks, size)
        self._places = int(place) + BLOCK * np.arange(count)
        self._stream, self._real = _stream(addresses, tensor, column), real

    def __getitem__(self, place: int) -> Any:
        return self._real(self._numbers[place])

    def __setitem__(self, place: int, value: Any) -> None:
        self._numbers[place] = value

    def encode(self) -> None:
        numbers = code_noise(self._places, *self._stream)
        kept = encoded(self._numbers, self._code, numbers)
        self._blocks[...] = self._code.encoded_again(kept)
