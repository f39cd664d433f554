"""Arrays recognized by identity while all of them are alive."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from optgen.runtime.cpu.headers import are_items, are_readable


class Known:
    """Some arrays of an earlier call; they aren't kept alive."""

    def __init__(self, arrays: Sequence[Any], addresses: Any) -> None:
        """``addresses`` are where they were. Raises TypeError for what can't be referred to so."""
        self.addresses = addresses
        self._ids = np.array([*map(id, arrays)], np.int64)
        self._are_alive = True
        self._references = [weakref.ref(array, self._die) for array in arrays]

    def is_of(self, arrays: list[Any]) -> bool:
        """Whether these are the very same arrays."""
        if not self._are_alive or len(arrays) != len(self._ids):
            return False
        if are_readable():
            return bool(are_items(id(arrays), self._ids))
        return [*map(id, arrays)] == list(self._ids)

    def _die(self, reference: object) -> None:
        self._are_alive = False
