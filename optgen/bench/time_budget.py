"""A time budget for a benchmark, divided among the remaining cases."""

from __future__ import annotations

import math
import time


class Clock:
    """A time limit in seconds that starts now; infinite by default."""

    def __init__(self, seconds: float = math.inf) -> None:
        self._end = time.perf_counter() + seconds

    @property
    def left(self) -> float:
        """Seconds until the limit; negative after it."""
        return self._end - time.perf_counter()

    def share(self, parts: int, most: float) -> float:
        """The seconds of one of ``parts`` equal parts of the remaining time, at most ``most``."""
        return min(most, self.left / parts)
