"""Arrays that are known again by their identity, as long as all of them live."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any


class Known:
    """Some arrays of an earlier call; they aren't kept alive."""

    def __init__(self, arrays: Sequence[Any], addresses: Any) -> None:
        """``addresses`` are where they were. Raises TypeError for what can't be referred to so."""
        self.addresses = addresses
        self._ids = [*map(id, arrays)]
        self._are_alive = True
        self._references = [weakref.ref(array, self._die) for array in arrays]

    def is_of(self, arrays: Sequence[Any]) -> bool:
        """Whether these are the very same arrays."""
        return self._are_alive and [*map(id, arrays)] == self._ids

    def _die(self, reference: object) -> None:
        self._are_alive = False
