"""How variables and states may be stored, and what storage makes of numbers.

It is one more dimension of tests that cross rules with features. A reference computes as wide as
kernels do, and passes what it has through storage after each call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ml_dtypes import bfloat16

from optgen.runtime.codes import BLOCK, CODES, Code
from tests.numeric.rules import Array
from tests.runtime.rounding import FIRST, code_noise, drawn, encoded, joined, noise, once

#: The dtypes of variables, and those that kernels compute them in.
WIDE: Mapping[Any, Any] = {
    np.dtype(bfloat16): np.float32,
    np.dtype(np.float16): np.float32,
    np.dtype(np.float32): np.float32,
    np.dtype(np.float64): np.float64,
}


@dataclass(frozen=True)
class Place:
    """What noise depends on: variable, step, seed and draw."""

    tensor: int
    step: int
    draw: int
    seed: int = 0

    @property
    def stream(self) -> tuple[int, int, int, int]:
        return self.tensor, self.step, self.seed, self.draw


#: What comes back of numbers from the storage that an array is in.
Kept = Callable[[Array, Array, Place], Array]


def to_nearest(numbers: Array, stored: Array, place: Place) -> Array:
    """To the nearest, and to the even one of two."""
    return once(numbers, stored.dtype).astype(numbers.dtype)


def at_random(numbers: Array, stored: Array, place: Place) -> Array:
    """Half precision by noise."""
    if stored.dtype.itemsize != 2:
        return to_nearest(numbers, stored, place)
    flat = numbers.astype(np.float32).reshape(-1)
    chosen = noise(np.arange(flat.size), *place.stream)
    found = drawn(flat, chosen, stored.dtype).astype(numbers.dtype)
    return found.reshape(numbers.shape)


def in_16_digits(numbers: Array, stored: Array, place: Place) -> Array:
    """To a float of 24 bits, of which bfloat16 shows 16."""
    digits, exponents = np.frexp(numbers.astype(np.float64))
    return np.ldexp(np.rint(digits * 2.0**16) / 2.0**16, exponents).astype(numbers.dtype)


def in_blocks(numbers: Array, code: Code, place: Place) -> Array:
    """To codes, by noise; rounded to nearest before the first call."""
    flat = numbers.astype(np.float32).reshape(-1)
    if place.step == 0:
        found = code.decoded(code.encoded(flat), flat.size)
    else:
        begins = BLOCK * np.arange(-(-flat.size // BLOCK))
        found = encoded(flat, code, code_noise(begins, *place.stream))
    return found.reshape(numbers.shape).astype(numbers.dtype)


@dataclass(frozen=True)
class Stored:
    """A way of storing states, and parameters; what is ``kept`` of those is by itself."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    kept: Kept = to_nearest
    #: What is kept of split parameters.
    whole: Kept | None = None

    @property
    def is_split(self) -> bool:
        return self.whole is not None


def _all(numbers: Array, stored: Array, place: Place) -> Array:
    return numbers


#: By name; another way of storage needs an entry here.
STORAGES: Mapping[str, Stored] = {
    "wide": Stored(),
    "bfloat16": Stored({"state_dtype": "bfloat16"}),
    "float16": Stored({"state_dtype": "float16"}),
    "mixed": Stored({"state_dtype": {"*": "bfloat16", "*kernel": "float16", "*bias": "float32"}}),
}
_MIXED = {"*": "int8", "*kernel": "float8", "*bias": "bfloat16"}
#: Those in which numbers are drawn, split or in blocks.
ROUNDED: Mapping[str, Stored] = {
    "stochastic": Stored({"rounding": "stochastic"}, at_random),
    "drawn": Stored({"rounding": "stochastic", "state_dtype": "bfloat16"}, at_random),
    "drawn float16": Stored({"rounding": "stochastic", "state_dtype": "float16"}, at_random),
    "split": Stored({"rounding": "split"}, whole=_all),
    "split8": Stored({"rounding": "split8", "state_dtype": "bfloat16"}, whole=in_16_digits),
    "split, drawn": Stored(
        {"rounding": "split+stochastic", "state_dtype": "bfloat16"}, at_random, _all
    ),
    "split8, drawn": Stored(
        {"rounding": "split8+stochastic", "state_dtype": "float16"}, at_random, in_16_digits
    ),
    "int8": Stored({"state_dtype": "int8"}),
    "float8": Stored({"state_dtype": "float8"}),
    "int4": Stored({"state_dtype": "int4"}),
    "int8, split": Stored({"rounding": "split", "state_dtype": "int8"}, whole=_all),
    "codes, drawn": Stored({"rounding": "stochastic", "state_dtype": _MIXED}, at_random),
    "codes, split, drawn": Stored(
        {"rounding": "split8+stochastic", "state_dtype": _MIXED}, at_random, in_16_digits
    ),
}


#: States of where variables began, which no later step stores again.
STARTS = {"start"}


class Twins:
    """An optimizer, and one with wide variables and states, which pass through its storage."""

    def __init__(
        self, kind: Any, held: Mapping[str, Array], storage: Stored, values: Mapping[str, Any]
    ) -> None:
        self.held, self._storage = held, storage
        self.wide = {path: np.array(a.astype(WIDE[a.dtype])) for path, a in held.items()}
        self.optimizer, self.reference = kind(**values, **storage.arguments), kind(**values)
        self.optimizer.build(dict(held))
        self.reference.build(self.wide)
        self._buffers = list(kind.kernels_of("cpu").buffers)
        #: The variables that had a gradient since the last update.
        self._seen: set[str] = set()
        self._calls = 0
        self._inputs = {one.name: 0.7 for one in kind.inputs if not one.optional}
        self._before: dict[tuple[str, str], Array] = {}
        self._store({*held})

    def apply(self, row: Sequence[Array | None]) -> None:
        """One call of both."""
        before = self.reference.iterations
        self._before = {(path, name): array.copy() for path, name, _, array in self.arrays()}
        self.optimizer.apply(row, **self._inputs)
        pairs = zip(row, self.wide.values(), strict=True)
        wide = [None if g is None else g.astype(a.dtype) for g, a in pairs]
        self.reference.apply(wide, **self._inputs)
        self._calls += 1
        self._seen |= {path for path, g in zip(self.wide, row, strict=True) if g is not None}
        is_update = self.reference.iterations > before
        self._store(self._seen if is_update else set())
        self._seen = set() if is_update else self._seen

    def arrays(self) -> Iterator[tuple[str, str, Array, Array]]:
        """What has a number for each element.

        The path, the buffer, its array, and that of the reference.
        """
        ours, theirs = self.optimizer.state, self.reference.state
        for path, array in self.wide.items():
            yield path, "param", self.held[path], array
            for name, state in theirs.get(path, {}).items():
                if state.shape == array.shape and name in ours[path]:
                    yield path, name, ours[path][name], state

    def differences(self) -> list[tuple[str, str]]:
        """What isn't the reference's in all bits: path and buffer."""
        return [
            (path, name)
            for path, name, array, expected in self.arrays()
            if not np.array_equal(
                self._numbers(path, name, array, expected), expected, equal_nan=True
            )
        ]

    def _is_split(self, path: str, name: str) -> bool:
        return name == "param" and "remainder" in self.optimizer.state.get(path, {})

    def _numbers(self, path: str, name: str, array: Array, like: Array) -> Array:
        """The numbers that storage holds."""
        if array.dtype.names:
            found = CODES[array.dtype.names[1]].decoded(array, like.size)
            return found.reshape(like.shape).astype(like.dtype)
        if self._is_split(path, name):
            return joined(array, self.optimizer.state[path]["remainder"])
        return array.astype(like.dtype)

    def _store(self, updated: set[str]) -> None:
        """Pass what the reference has through storage; blocks are only encoded by updates."""
        tensors = {path: number for number, path in enumerate(self.wide)}
        for path, name, stored, array in self.arrays():
            place = Place(tensors[path], 2 * self._calls, FIRST + self._buffers.index(name))
            if stored.dtype.names:
                is_left = name in STARTS and np.array_equal(
                    array, self._before.get((path, name), ())
                )
                if path in updated and not is_left:
                    array[...] = in_blocks(array, CODES[stored.dtype.names[1]], place)
            elif self._is_split(path, name) and self._storage.whole:
                array[...] = self._storage.whole(array, stored, place)
            elif self._calls:
                array[...] = self._storage.kept(array, stored, place)
            else:
                array[...] = to_nearest(array, stored, place)
