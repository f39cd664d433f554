"""How states are stored: one dtype for all, or by name of state or path of variable."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from optgen.runtime.caller import caller_level
from optgen.runtime.codes import KINDS
from optgen.runtime.dtypes import wide_name
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.suggestions import nearest

#: The dtypes of states with a number for each element; ``codes.py`` defines those below 16 bits.
StateDtype = Literal["float32", "bfloat16", "float16", "float8", "int8", "int4"]
#: One for all, or by name of a state or pattern for paths of variables; the last that fits counts.
StateDtypes = StateDtype | Mapping[str, StateDtype]
_ALLOWED = get_args(StateDtype)
#: Those in which rounding doesn't break a bound of one state by another one.
_WIDE = _ALLOWED[:1]


#: How the numbers that a step stores are rounded: all, or parameters and states.
Rounding = Literal[
    "nearest", "stochastic", "split", "split8", "split+stochastic", "split8+stochastic"
]
_ROUNDINGS = get_args(Rounding)
NEAREST, _STOCHASTIC = _ROUNDINGS[:2]
#: The integers that hold what parameters lose, by how these are rounded.
_REMAINDERS = {"split": "int16", "split8": "int8"}
#: The storage of a parameter that can be split, and that of one that can't.
_SPLIT, _UNSPLIT = "bfloat16", "float16"
_MOST_SEED = 2**63 - 1
#: The arguments of every optimizer that say how states are stored, with their defaults.
ARGUMENTS: Mapping[str, Any] = {"state_dtype": None, "rounding": NEAREST, "rounding_seed": 0}


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
        rounding_seed: int,
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
        is_whole = isinstance(rounding_seed, int) and not isinstance(rounding_seed, bool)
        if not (is_whole and 0 <= rounding_seed <= _MOST_SEED):
            message = f"{owner}: rounding_seed must be a whole number from 0 to 2**63 - 1"
            raise ValueError(f"{message}, not {rounding_seed!r}")
        self._owner, self.seed = owner, rounding_seed
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

    @property
    def is_drawn(self) -> bool:
        """Whether states of half precision are rounded at random, and parameters unless split."""
        return _STOCHASTIC in self.rounding

    @property
    def has_noise(self) -> bool:
        """Whether anything may be rounded by noise, which depends on the number of the call."""
        return self.is_drawn or any(dtype in KINDS for dtype in self._given.values())

    def remainder(self, path: str, dtype: str) -> str | None:
        """The dtype of what a parameter loses in storage; None where it isn't kept.

        Raises TypeError for a parameter that can't be split.
        """
        found = _REMAINDERS.get(self.rounding.partition("+")[0])
        if found is not None and dtype == _UNSPLIT:
            message = f"{self._owner}: rounding {self.rounding!r} splits {_SPLIT}, and {path!r}"
            raise TypeError(f"{message} is {dtype}; cast it, or choose rounding {_STOCHASTIC!r}")
        return found if dtype == _SPLIT else None

    def warn_of_unused(self, paths: Sequence[str]) -> None:
        """Warn of keys that are no name of a state, and no pattern for any of the variables."""
        for key in self._given if paths else ():
            if key not in self._names and not any(self._fits(key, path) for path in paths):
                message = f"state_dtype: no state and no variable fits {key!r}"
                warnings.warn(message, stacklevel=caller_level())

    def _fits(self, pattern: str, path: str) -> bool:
        return fnmatchcase(path, pattern) or fnmatchcase(self.names.get(path, path), pattern)

    def of_state(self, state: State, on: Mapping[str, bool], path: str, dtype: str) -> str:
        """The dtype of a state in a switch setting; where it is bounded, it isn't narrowed."""
        found = self.of(state.name, path, dtype)
        return wide_name(dtype) if found not in _WIDE and state.bounded(on) else found

    def as_dict(self) -> dict[str, Any]:
        """What was given, as a configuration holds it."""
        own = {"rounding": self.rounding, "rounding_seed": self.seed}
        return {"state_dtype": self.given, **own}
