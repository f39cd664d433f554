"""What a checkpoint holds, by the names of one library or one rule."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: The dtypes of codes.
_CODES = ("uint8",)


@dataclass(frozen=True)
class Contents:
    """Options of groups, and of each variable its group, its states and its number of updates.

    A number of updates is None where the library counts none. Shapes of variables are known of
    some only.
    """

    groups: Sequence[Mapping[str, Any]]
    members: Sequence[int]
    states: Sequence[Mapping[str, Any]]
    ages: Sequence[float | None]
    shapes: Sequence[tuple[int, ...]] = ()

    @property
    def age(self) -> float | None:
        """The largest number of updates."""
        return max((age for age in self.ages if age is not None), default=None)


def number(value: Any) -> Any:
    """The number in an array or tensor of one element; other values unchanged."""
    if hasattr(value, "item") and math.prod(getattr(value, "shape", (0,))) == 1:
        return value.item()
    return value


def without_codes(name: str, value: Any) -> Any:
    """A state, unless it has codes that stand for numbers. Raises ValueError for these."""
    dtype = getattr(value, "dtype", None)
    if getattr(dtype, "names", None) or str(dtype).rpartition(".")[2] in _CODES:
        raise ValueError(f"the state {name} has codes of 8 or 4 bits; only numbers are converted")
    return value
