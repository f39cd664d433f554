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

from tests.numeric.rules import Array

#: The dtypes of variables, and those that kernels compute them in.
WIDE: Mapping[Any, Any] = {
    np.dtype(bfloat16): np.float32,
    np.dtype(np.float16): np.float32,
    np.dtype(np.float32): np.float32,
    np.dtype(np.float64): np.float64,
}
#: What comes back of numbers from the storage that an array is in.
Kept = Callable[[Array, Array], Array]


def to_nearest(numbers: Array, stored: Array) -> Array:
    """To the nearest, and to the even one of two; float64 becomes float32 on the way to 16 bits."""
    with np.errstate(over="ignore"):
        near = numbers.astype(np.float32) if stored.dtype.itemsize == 2 else numbers
        return near.astype(stored.dtype).astype(numbers.dtype)


@dataclass(frozen=True)
class Stored:
    """A way of storing states."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    kept: Kept = to_nearest


#: By name; another way of storage needs an entry here.
STORAGES: Mapping[str, Stored] = {
    "wide": Stored(),
    "bfloat16": Stored({"state_dtype": "bfloat16"}),
    "float16": Stored({"state_dtype": "float16"}),
    "mixed": Stored({"state_dtype": {"*": "bfloat16", "*kernel": "float16", "*bias": "float32"}}),
}


class Twins:
    """An optimizer, and one with wide variables and states, which pass through its storage."""

    def __init__(
        self, kind: Any, held: Mapping[str, Array], storage: Stored, values: Mapping[str, Any]
    ) -> None:
        self.held, self._kept = held, storage.kept
        self.wide = {path: np.array(a.astype(WIDE[a.dtype])) for path, a in held.items()}
        self.optimizer, self.reference = kind(**values, **storage.arguments), kind(**values)
        self.optimizer.build(dict(held))
        self.reference.build(self.wide)
        self._store()

    def apply(self, row: Sequence[Array | None]) -> None:
        """One call of both."""
        self.optimizer.apply(row)
        pairs = zip(row, self.wide.values(), strict=True)
        self.reference.apply([None if g is None else g.astype(a.dtype) for g, a in pairs])
        self._store()

    def arrays(self) -> Iterator[tuple[str, Array, Array]]:
        """What has a number for each element: its name, its array, and that of the reference."""
        ours, theirs = self.optimizer.state, self.reference.state
        for path, array in self.wide.items():
            yield path, self.held[path], array
            for name, state in theirs.get(path, {}).items():
                if state.shape == array.shape and name in ours[path]:
                    yield f"{name} of {path}", ours[path][name], state

    def differences(self) -> list[str]:
        """What isn't the reference's in all bits."""
        return [
            name
            for name, array, expected in self.arrays()
            if not np.array_equal(array.astype(expected.dtype), expected, equal_nan=True)
        ]

    def _store(self) -> None:
        for _, stored, array in self.arrays():
            array[...] = self._kept(array, stored)
