"""How states are stored: one dtype for all, or by name of state or path of variable."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from optgen.runtime.caller import caller_level
from optgen.runtime.dtypes import wide_name
from optgen.runtime.suggestions import nearest

#: The dtypes of states with a number for each element.
StateDtype = Literal["float32", "bfloat16", "float16"]
#: One for all, or by name of a state or pattern for paths of variables; the last that fits counts.
StateDtypes = StateDtype | Mapping[str, StateDtype]
_ALLOWED = get_args(StateDtype)


#: How the numbers that a step stores are rounded.
Rounding = Literal["nearest"]
_ROUNDINGS = get_args(Rounding)
#: The arguments of every optimizer that say how states are stored, with their defaults.
ARGUMENTS: Mapping[str, Any] = {"state_dtype": None, "rounding": "nearest"}


class Storage:
    """The dtype of each state, and how what is stored is rounded.

    States have the type that kernels compute in where nothing else is said: float32, or float64
    for variables of that dtype.
    """

    def __init__(
        self,
        owner: str,
        state_dtype: StateDtypes | None,
        rounding: Rounding,
        states: Iterable[str],
    ) -> None:
        self._names = frozenset(states)
        one = isinstance(state_dtype, str)
        given: dict[str, str] = {"*": state_dtype} if one else {**(state_dtype or {})}  # type: ignore[dict-item]
        for key, dtype in given.items():
            if not isinstance(key, str):
                raise TypeError(f"{owner}: state_dtype must have names and patterns, not {key!r}")
            if dtype not in _ALLOWED:
                message = f"{owner}: there is no state dtype {dtype!r}"
                raise ValueError(message + nearest(str(dtype), _ALLOWED))
        if rounding not in _ROUNDINGS:
            message = f"{owner}: there is no rounding {rounding!r}"
            raise ValueError(message + nearest(str(rounding), _ROUNDINGS))
        self.given, self.rounding = state_dtype, rounding
        self._given = given
        #: Other names of variables than their paths, which patterns are for too.
        self.names: Mapping[str, str] = {}

    def of(self, state: str, path: str, dtype: str) -> str:
        """The dtype of a state of a variable, which has a dtype itself."""
        found = wide_name(dtype)
        for key, chosen in self._given.items():
            if key == state or (key not in self._names and self._fits(key, path)):
                found = chosen
        return found

    def warn_of_unused(self, paths: Sequence[str]) -> None:
        """Warn of keys that are no name of a state, and no pattern for any of the variables."""
        for key in self._given if paths else ():
            if key not in self._names and not any(self._fits(key, path) for path in paths):
                message = f"state_dtype: no state and no variable fits {key!r}"
                warnings.warn(message, stacklevel=caller_level())

    def _fits(self, pattern: str, path: str) -> bool:
        return fnmatchcase(path, pattern) or fnmatchcase(self.names.get(path, path), pattern)

    def as_dict(self) -> dict[str, Any]:
        """What was given, as a configuration holds it."""
        return {"state_dtype": self.given, "rounding": self.rounding}
