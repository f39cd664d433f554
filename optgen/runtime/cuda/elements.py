"""Elements in a device's memory: which arrays hold them, and what numbers become there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types

from optgen.runtime.codes import CODES
from optgen.runtime.cpu import half_precision, split, stochastic
from optgen.runtime.cpu.storage import DRAWN, Formats

_FLOAT = ir.FloatType()
_NATIVE_BYTES = {ir.DoubleType(): 8, _FLOAT: 4}


class Elements:
    """Numbers as kernels compute them, or of half precision: one array, rounded to nearest.

    ``fields`` begin with what tells by its lowest bits whether vectors are aligned; here that is
    the number of the first element, counted from address 0, since buffers differ in the size of
    theirs.
    """

    #: The number of fields of a start.
    width = 1
    #: Whether numbers are rounded by noise.
    is_drawn = False

    def __init__(self, builder: Any, real: Any, storage: str, fields: Sequence[Any]) -> None:
        self._builder, self._real, self._storage = builder, real, storage
        self._fields = fields

    @property
    def stream(self) -> Sequence[Any]:
        """What noise depends on, where numbers are rounded by it."""
        return ()

    @property
    def kinds(self) -> list[Any]:
        """The types of the elements of each array."""
        is_native = not self._storage
        return [self._real if is_native else ir.IntType(half_precision.bits_of(self._storage))]

    @property
    def firsts(self) -> Sequence[Any]:
        """The number of the first element of each array."""
        return self._fields[:1]

    def decoded(self, *elements: Any) -> Any:
        """A number, from its element of each array."""
        (found,) = elements
        if not self._storage:
            return found
        return self._widened(half_precision.decoded(self._builder, self._storage, found))

    def encoded(self, number: Any, noise: Any = None) -> Sequence[Any]:
        """An element of each array for a number."""
        if not self._storage:
            return [number]
        return [half_precision.encoded(self._builder, self._storage, self._narrowed(number))]

    def _widened(self, found: Any) -> Any:
        return found if self._real == _FLOAT else self._builder.fpext(found, self._real)

    def _narrowed(self, number: Any) -> Any:
        return number if self._real == _FLOAT else self._builder.fptrunc(number, _FLOAT)


class SplitElements(Elements):
    """Numbers with further bits in a second array; ``fields``: alignment, and both firsts."""

    width = 3

    @property
    def kinds(self) -> list[Any]:
        """The types of the elements of each array."""
        return [ir.IntType(16), ir.IntType(split.further_bits(self._storage))]

    @property
    def firsts(self) -> Sequence[Any]:
        """The number of the first element of each array."""
        return self._fields[1:]

    def decoded(self, *elements: Any) -> Any:
        """A number, from its element of each array."""
        further = split.further_bits(self._storage)
        return self._widened(split.joined(self._builder, further, *elements))

    def encoded(self, number: Any, noise: Any = None) -> Sequence[Any]:
        """An element of each array for a number."""
        further = split.further_bits(self._storage)
        return split.parted(self._builder, further, self._narrowed(number))


class DrawnElements(Elements):
    """Numbers rounded at random; ``fields``: the first, and the stream of ``Noise``."""

    width = 5
    is_drawn = True

    @property
    def stream(self) -> Sequence[Any]:
        """What the noise of a stretch depends on."""
        return self._fields[1:]

    def encoded(self, number: Any, noise: Any = None) -> Sequence[Any]:
        """An element of each array for a number."""
        narrow = self._narrowed(number)
        return [stochastic.encoded(self._builder, self._storage, narrow, noise)]


class CodedElements(Elements):
    """Numbers in blocks with codes, which ``CodedLanes`` moves; ``fields`` are those it has."""

    width = 4

    @property
    def kinds(self) -> list[Any]:
        """None: no element is by itself."""
        return []

    @property
    def firsts(self) -> Sequence[Any]:
        """None."""
        return ()


def elements_of(storage: str) -> type[Elements]:
    """The class for a storage."""
    if storage in CODES:
        return CodedElements
    if storage.endswith(DRAWN):
        return DrawnElements
    return SplitElements if split.further_bits(storage) else Elements


def bytes_of(kind: Any) -> int:
    """The size of an element of a type."""
    return _NATIVE_BYTES[kind] if kind in _NATIVE_BYTES else kind.width // 8


def start_type(column: int, formats: Formats) -> Any:
    """The type of the start of a stretch of a buffer."""
    return types.UniTuple(types.int64, elements_of(formats.storage(column)).width)
