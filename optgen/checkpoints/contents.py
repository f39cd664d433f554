"""What a checkpoint holds, by the names of one library or one rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


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
    if hasattr(value, "item") and getattr(value, "size", None) is not None:
        size = value.size() if callable(value.size) else value.size
        if size == 1 or tuple(getattr(value, "shape", (0,))) == ():
            return value.item()
    return value
