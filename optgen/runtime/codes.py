"""Codes: states in blocks of 64 elements, each a unit and a code of 8 or 4 bits for each element.

A magnitude, in units, is one less than a number ``2**exponent * (1 + fraction)``, and its code is
the bits of both. Steps between magnitudes thus grow with them, as in telephony (G.711), from 0 on.
Signed codes have a bit for the sign before these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
#: Elements that share a unit.
BLOCK = 64
#: The bits of 1 as a float32, and their number in its fraction.
ONE, FRACTION = 0x3F800000, 23
#: Elements that are encoded at once, since that takes several arrays of them.
_AT_ONCE = 1 << 16
#: Units aren't smaller, so that their inverses are finite.
LEAST_UNIT = 2.0**-120


@dataclass(frozen=True)
class Code:
    """Bits of a code: of its exponent, of its fraction, and one of the sign if it is signed."""

    exponent: int
    fraction: int
    is_signed: bool

    @property
    def name(self) -> str:
        """What kernels and arrays call it."""
        return f"{'' if self.is_signed else 'u'}e{self.exponent}m{self.fraction}"

    @property
    def bits(self) -> int:
        """The bits of a code."""
        return self.exponent + self.fraction + self.is_signed

    @property
    def most(self) -> int:
        """The code of the largest magnitude."""
        return (1 << (self.exponent + self.fraction)) - 1

    @property
    def shift(self) -> int:
        """The bits of a float32's fraction that a code doesn't have."""
        return FRACTION - self.fraction

    @property
    def top(self) -> float:
        """The largest magnitude, in units."""
        return self._level(self.most)

    @property
    def inverse(self) -> float:
        """The unit of a largest magnitude of 1, rounded up, so that no code is beyond the top."""
        return float(np.float32((1 + 2.0**-20) / self.top))

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of a block; its second field has the name of the code."""
        return np.dtype([("unit", "<f4"), (self.name, "u1", (BLOCK * self.bits // 8,))])

    def encoded(self, values: Array) -> Array:
        """Blocks of a flat array, rounded to nearest; missing elements of the last one are 0."""
        found = np.zeros(-(-values.size // BLOCK), self.dtype)
        for begin in range(0, values.size, _AT_ONCE):
            rows = _rows(values[begin : begin + _AT_ONCE])
            units = np.abs(rows).max(1) * np.float32(self.inverse)
            found[begin // BLOCK :][: len(rows)] = self._encoded(rows, units)
        return found

    def encoded_again(self, values: Array) -> Array:
        """Blocks of a flat array: those that it was decoded from, where there are such."""
        rows, blocks = _rows(values), self.encoded(values)
        for level in self.top, self._level(self.most - 1):
            for ulps in 0, -1, 1:
                other = self.decoded(blocks, rows.size).reshape(rows.shape)
                left = np.flatnonzero(~((other == rows) | np.isnan(rows)).all(1))
                units = np.abs(rows[left]).max(1) / np.float32(level)
                units = (units.view(np.int32) + np.int32(ulps)).view(np.float32)
                again = self._encoded(rows[left], units)
                found = self.decoded(again, rows[left].size).reshape(-1, BLOCK)
                is_same = (found == rows[left]).all(1)
                blocks[left[is_same]] = again[is_same]
        return blocks

    def _encoded(self, rows: Array, units: Array) -> Array:
        units = np.maximum(units, np.float32(LEAST_UNIT))
        with np.errstate(invalid="ignore"):
            relative = np.abs(rows) / units[:, None]
        half = np.uint32(1 << (self.shift - 1))
        codes = ((relative + np.float32(1)).view(np.uint32) + half - np.uint32(ONE)) >> self.shift
        codes = np.minimum(codes, self.most)
        if self.is_signed:
            codes |= np.signbit(rows).astype(np.uint32) << (self.bits - 1)
        else:
            codes = np.where(rows > 0, np.maximum(codes, 1), 0)
        found = np.zeros(len(rows), self.dtype)
        found["unit"] = units
        found[self.name] = packed(codes.astype(np.uint8), self.bits)
        return found

    def _level(self, code: int) -> float:
        """The magnitude of a code, in units."""
        return float(np.uint32((code << self.shift) + ONE).view(np.float32)) - 1

    def decoded(self, blocks: Array, size: int) -> Array:
        """The first ``size`` elements of blocks, as float32."""
        codes = _unpacked(blocks[self.name], self.bits).astype(np.uint32)
        numbers = (((codes & self.most) << self.shift) + np.uint32(ONE)).view(np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            found = (numbers - np.float32(1)) * blocks["unit"][:, None]
        if self.is_signed:
            found = np.where(codes >> (self.bits - 1), -found, found)
        flat: Array = found.reshape(-1)[:size].astype(np.float32)
        return flat


def _rows(values: Array) -> Array:
    """A flat array in rows of blocks, with zeros behind its end."""
    padded = np.zeros(-(-values.size // BLOCK) * BLOCK, np.float32)
    padded[: values.size] = values
    return padded.reshape(-1, BLOCK)


def packed(codes: Array, bits: int) -> Array:
    """Codes of 4 bits in pairs: one of the first half of a block, and one of its second."""
    if bits == 8:
        return codes
    half = BLOCK // 2
    pairs: Array = codes[:, :half] | (codes[:, half:] << 4)
    return pairs


def _unpacked(stored: Array, bits: int) -> Array:
    if bits == 8:
        return stored
    return np.concatenate([stored & 15, stored >> 4], axis=1)


#: The codes of a storage: of numbers with a sign, and of those that are never negative.
KINDS: Mapping[str, tuple[Code, Code]] = {
    "int8": (Code(3, 4, True), Code(4, 4, False)),
    "float8": (Code(4, 3, True), Code(5, 3, False)),
    "int4": (Code(2, 1, True), Code(3, 1, False)),
}
#: All codes by name.
CODES: Mapping[str, Code] = {code.name: code for pair in KINDS.values() for code in pair}


def storage_of(dtype: np.dtype[Any]) -> str:
    """What kernels call the storage of an array: its code, or its dtype."""
    return dtype.name if dtype.names is None else dtype.names[1]
