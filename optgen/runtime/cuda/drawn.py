"""What the noise of drawn rounding depends on, in the control tables of devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optgen.runtime.cuda.control import ROUNDING_SEED, ROUNDING_STEP
from optgen.runtime.cuda.device_tables import Place


class Drawn:
    """The seed and the number of each call, in all places; without a seed nothing is drawn."""

    def __init__(
        self, places: Sequence[Place], seed: int | None, stream: Callable[[int], int]
    ) -> None:
        self._places, self._stream = places if seed is not None else (), stream
        for place in self._places:
            place.control.values[ROUNDING_SEED] = seed
            place.control.send(stream(place.device))

    def count(self, call: int, *, is_perturbed: bool) -> None:
        """Enter a call, which may have two updates.

        One of them moves variables to where the gradient is taken.
        """
        for place in self._places:
            number = 2 * call + is_perturbed
            place.control.put_one(ROUNDING_STEP, number, self._stream(place.device))
