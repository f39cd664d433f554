"""Remainders: what variables of bfloat16 would lose in storage, as integers beside them.

Together they are numbers of 24 or 32 bits. Kernels join and part them in ``cpu/split.py``; here
whole variables are, for what happens between kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optgen.runtime.cpu.storage import ROUNDING
from optgen.runtime.dtypes import HALVES, NATIVE
from optgen.runtime.memory import Memory
from optgen.runtime.transaction import Call

#: The state of a variable that has further bits there.
REMAINDER = ROUNDING[0]

Array = np.ndarray[Any, np.dtype[Any]]
_MAGNITUDE, _INFINITY, _NAN = 0x7FFFFFFF, 0x7F800000, 0x7FC0
_VISIBLE = np.dtype(HALVES[0].scalar)


class Remainders:
    """Variables with their remainders, where these are kept."""

    def __init__(
        self,
        memory: Memory,
        variables: Sequence[Any],
        dtypes: Sequence[str | None],
        allocate: Callable[..., Any],
    ) -> None:
        """``dtypes`` are those of remainders; None for a variable without one."""
        self._memory, self._variables = memory, variables
        place = memory, variables
        self.arrays: list[Any] = [
            None if dtype is None else allocate(*place, index, REMAINDER, 0.0, dtype)
            for index, dtype in enumerate(dtypes)
        ]

    @property
    def held(self) -> dict[str, list[Any]]:
        """The arrays by name, if there is any."""
        return {} if all(one is None for one in self.arrays) else {REMAINDER: self.arrays}

    def both(self, index: int) -> list[Any]:
        """A variable, and its remainder if it has one."""
        pair = self._variables[index], self.arrays[index]
        return [array for array in pair if array is not None]

    def whole(self, index: int) -> Any:
        """A variable, or a copy with all bits that are kept of it."""
        variable, remainder = self._variables[index], self.arrays[index]
        if remainder is None:
            return variable
        memory = self._memory
        found = memory.new(variable, 0.0, NATIVE[0].name)
        memory.assign(found, joined(memory.host(variable), memory.host(remainder)))
        return found

    def assigning(self, index: int, value: Any) -> list[Call]:
        """The calls that give a variable another value, with all bits that are kept of it."""
        variable, remainder = self._variables[index], self.arrays[index]
        if remainder is None:
            return [self._memory.assigning(variable, value)]
        parts = parted(self._memory.host(value), remainder.dtype)
        pairs = zip((variable, remainder), parts, strict=True)
        return [self._memory.assigning(*pair) for pair in pairs]


def joined(variable: Array, remainder: Array) -> Array:
    """The float32 numbers of a variable with its remainder."""
    upper = variable.view(np.uint16).astype(np.int32)
    rest = remainder.astype(np.int32) << (16 - 8 * remainder.itemsize)
    magnitude = np.maximum(((upper & _MAGNITUDE >> 16) << 16) + rest, 0)
    return np.asarray(magnitude | (upper >> 15) << 31).view(np.float32)


def parted(values: Array, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """The variable, and its remainder of a dtype, of some numbers."""
    further = 8 * dtype.itemsize
    dropped = 16 - further
    bits = np.asarray(values, np.float32).view(np.int32)
    magnitude = bits & _MAGNITUDE
    is_nan = magnitude > _INFINITY
    if dropped:
        # To nearest, ties to even.
        odd = magnitude >> dropped & 1
        magnitude = (magnitude + odd + (1 << dropped - 1) - 1) >> dropped
    upper = (magnitude + (1 << further - 1)) >> further
    rest = np.where(is_nan, 0, magnitude - (upper << further)).astype(dtype)
    upper = np.where(is_nan, _NAN, upper) | (bits >> 31 & 1) << 15
    return np.asarray(upper, np.uint16).view(_VISIBLE), rest
