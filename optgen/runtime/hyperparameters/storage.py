"""How states are stored: one dtype for all, or by name of state or path of variable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from optgen.runtime.codes import KINDS
from optgen.runtime.dtypes import wide_name
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.suggestions import nearest

#: The dtypes of states with a number for each element; ``codes.py`` defines those below 16 bits.
StateDtype = Literal["float32", "bfloat16", "float16", "float8", "int8", "int4"]
#: One for all, or by name of a state or pattern for paths of variables; the last that fits counts.
StateDtypes = StateDtype | Mapping[str, StateDtype]
_ALLOWED = get_args(StateDtype)


#: How the numbers that a step stores are rounded.
Rounding = Literal["nearest"]
_ROUNDINGS = get_args(Rounding)


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

    def of(self, state: str, path: str, dtype: str) -> str:
        """The dtype of a state of a variable, which has a dtype itself."""
        found = wide_name(dtype)
        for key, chosen in self._given.items():
            if key == state or (key not in self._names and fnmatchcase(path, key)):
                found = chosen
        return found

    def of_state(self, state: State, on: Mapping[str, bool], path: str, dtype: str) -> str:
        """The dtype of a state in a switch setting; where it is bounded, it has no codes."""
        found = self.of(state.name, path, dtype)
        return wide_name(dtype) if found in KINDS and state.bounded(on) else found

    def as_dict(self) -> dict[str, Any]:
        """What was given, as a configuration holds it."""
        return {"state_dtype": self.given, "rounding": self.rounding}
