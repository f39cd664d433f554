"""What an optimizer keeps for each variable that it was built with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optgen.runtime.settings import Row


@dataclass(frozen=True)
class Slot:
    """A variable, the variables that hold its states by name, and how it is treated.

    ``on`` is the setting of the switches for it; one that is ``overwritten`` takes its gradient's
    value.
    """

    variable: Any
    path: str
    states: dict[str, Any]
    row: Row
    on: dict[str, bool]
    overwritten: bool

    @property
    def constraint(self) -> Any:
        """What a variable is passed through after each update; None where there is none."""
        return getattr(self.variable, "constraint", None)


def paths_of(variables: Sequence[Any]) -> list[str]:
    """A path for each variable; variables of one path are told apart by their places."""
    found = [path_of(variable) for variable in variables]
    return [
        path if found.count(path) == 1 else f"{path}#{place}" for place, path in enumerate(found)
    ]


def path_of(variable: Any) -> str:
    """The path of a variable of Keras, or the name of one of a backend's own."""
    return str(getattr(variable, "path", None) or variable.name)
