"""Values of the last update that a rule keeps for users: arrays, and numbers of variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from math import prod, sqrt
from typing import Any

import numpy as np

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.core import HasCore
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.kernels import OPTIMIZER
from optgen.runtime.model import Model

#: How the names of states that hold probes begin.
PROBED = "probed_"
#: In place of a path, the key of what all variables share.
EVERY = "*"
Numbers = dict[str, float]
#: The number of several variables, of their numbers and their numbers of elements.
_JOINED: Mapping[str, Callable[[Sequence[float], Sequence[int]], float]] = {
    "sum": lambda found, sizes: sum(found),
    "mean": lambda found, sizes: float(np.dot(found, sizes) / max(1, sum(sizes))),
    "norm": lambda found, sizes: sqrt(sum(value**2 for value in found)),
    "largest": lambda found, sizes: float(np.max(found)),
    "smallest": lambda found, sizes: float(np.min(found)),
}


class Probed(HasCore):
    """The part of an optimizer that shows what its rule and features probe."""

    def _probed(self) -> tuple[Model | None, Sequence[State], Sequence[str]]:
        """The model, the states of the rule, and the names that users have for variables."""
        model = self._core.model
        states: Sequence[State] = getattr(getattr(self, "rule", type(self)), "states", ())
        return model, states, () if model is None else model.paths

    def probes(self) -> dict[str, dict[str, Array]]:
        """Copies of all probed values of the last update, by path and name.

        An array has the shape and the dtype that a state of as many numbers has: one number for
        each element, row or column, or one number. What all variables share is under the path
        ``*``. A variable without an update has zeros; empty where nothing is probed.
        """
        with self._core.turn.lock:
            model, states, names = self._probed()
            if model is None:
                return {}
            found: dict[str, dict[str, Array]] = {}
            for state in (one for one in states if one.is_probe):
                for name, array in zip(names, model.states[state.name], strict=True):
                    if array is not None:
                        own = found.setdefault(EVERY if state.shape == OPTIMIZER else name, {})
                        own[_shown(state)] = np.array(model.memory.host(array))
            return found

    def statistics(self, groups: Mapping[str, Iterable[str]] | None = None) -> dict[str, Numbers]:
        """The probed numbers of the last update that kept them, by path and name.

        With ``groups``, names each with patterns for paths, the numbers are those of all variables
        together that fit: sums add up, a norm is that of all elements, a mean counts each element
        once, and what is computed from such numbers is computed from the joint ones. Reading waits
        for a device; a step never does. Empty where no numbers are kept.
        """
        with self._core.turn.lock:
            model, states, names = self._probed()
            if model is None:
                return {}
            kept = [one for one in states if one.is_probe and one.shape in ("tensor", OPTIMIZER)]
            found: dict[str, Numbers] = {}
            for state in kept:
                for name, array in zip(names, model.states[state.name], strict=True):
                    if array is not None:
                        own = found.setdefault(EVERY if state.shape == OPTIMIZER else name, {})
                        own[_shown(state)] = float(model.memory.host(array))
            if groups is None:
                return found
            forms = (model.memory.form(variable)[0] for variable in model.variables)
            sizes = dict(zip(names, map(prod, forms), strict=True))
            members = {name: _members(patterns, names) for name, patterns in groups.items()}
            return {name: _joint(kept, found, sizes, own) for name, own in members.items()}


def _shown(state: State) -> str:
    return state.name.removeprefix(PROBED)


def _members(patterns: Iterable[str], names: Sequence[str]) -> list[str]:
    listed = [patterns] if isinstance(patterns, str) else [*patterns]
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in listed)]


def _joint(
    kept: Sequence[State],
    found: Mapping[str, Numbers],
    sizes: Mapping[str, int],
    members: Sequence[str],
) -> Numbers:
    """The numbers of several variables together, without those that can't be joined."""
    joint: dict[str, Any] = {}
    for state in kept:
        name = _shown(state)
        own = [member for member in members if name in found.get(member, {})]
        if state.formula is not None:
            # What isn't joined joins nothing else.
            with np.errstate(all="ignore"), suppress(KeyError):
                joint[name] = state.formula({key: np.float64(v) for key, v in joint.items()})
        elif own and state.reduction in _JOINED:
            join = _JOINED[state.reduction]
            joint[name] = join([found[m][name] for m in own], [sizes[m] for m in own])
    return {name: float(value) for name, value in joint.items()}
