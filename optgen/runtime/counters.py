"""What a call is given beside gradients, and the numbers of calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optgen.runtime.arrays import Gradient

#: The inputs of a call beside the gradients, by name: a number, or an array of each variable.
Given = Mapping[str, float | Sequence[Gradient | None]]
NOTHING_GIVEN: Given = {}


@dataclass
class Counters:
    """The numbers of calls and of updates."""

    calls: int = 0
    updates: int = 0
