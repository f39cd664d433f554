"""State dictionaries in the format of ``torch.optim``, which other libraries share."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from optgen.checkpoints.contents import Contents, number, without_codes
from optgen.checkpoints.tables import IN_GROUP, IN_STATE, OURS, Entry, Library
from optgen.missing_packages import require

#: The keys of a state dictionary, of members in a group, and of the number of updates.
STATE, GROUPS, MEMBERS, AGE = "state", "param_groups", "params", "step"


def is_one(state: Any) -> bool:
    """Whether a value has the format."""
    return isinstance(state, Mapping) and {STATE, GROUPS} <= set(state)


def read(state: Mapping[str, Any], library: Library) -> Contents:
    """What a state dictionary holds. Raises ValueError for anything else."""
    if not is_one(state):
        raise ValueError(f"a state of {library.name} is a dictionary with {STATE} and {GROUPS}")
    groups: list[dict[str, Any]] = []
    members, states, ages = [], [], []
    for place, group in enumerate(state[GROUPS]):
        shown = {name: value for name, value in group.items() if name not in (MEMBERS, AGE)}
        groups.append(shown)
        for key in group[MEMBERS]:
            own = dict(state[STATE].get(key) or {})
            own |= own.pop(library.wrapper, {}) if library.wrapper else {}
            age = own.pop(AGE, group.get(AGE))
            members.append(place)
            pairs = ((name, one) for name, one in own.items() if one is not None)
            states.append({name: without_codes(name, one) for name, one in pairs})
            ages.append(None if age is None else float(number(age)))
    return Contents(groups, members, states, ages)


def written(
    contents: Contents, library: Library, entry: Entry, like: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A state dictionary; options that contents lack are those of ``like`` or the defaults."""
    groups: list[dict[str, Any]] = [
        dict(group) for group in _options(contents, library, entry, like)
    ]
    for place, group in enumerate(groups):
        there = [k for k, member in enumerate(contents.members) if member == place]
        group[MEMBERS] = there
        if entry.age == IN_GROUP and any(contents.states[k] for k in there):
            group[AGE] = int(max(contents.ages[k] or 0.0 for k in there))
    torch = _torch()
    states: dict[int, dict[str, Any]] = {}
    vectors = _vectors(entry)
    for place, own in enumerate(contents.states):
        if not own:
            continue
        whole = contents.shapes[place] if contents.shapes else None
        shown = {
            name: _tensor(
                _held(value, library), library.dtype, _shown(vectors.get(name, ""), whole)
            )
            for name, value in own.items()
        }
        shown = {library.wrapper: shown} if library.wrapper else shown
        age = contents.ages[place]
        if entry.age == IN_STATE and age is not None:
            shown[AGE] = torch.tensor(age) if library.has_tensors else int(age)
        states[place] = shown
    return {STATE: states, GROUPS: groups}


def _options(
    contents: Contents, library: Library, entry: Entry, like: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    if like is not None:
        own = [{k: v for k, v in group.items() if k != MEMBERS} for group in like[GROUPS]]
        if len(own) != len(contents.groups):
            raise ValueError(f"there are {len(contents.groups)} groups, and {len(own)} there")
    else:
        own = [_defaults(library, entry)] * len(contents.groups)
    pairs = zip(own, contents.groups, strict=True)
    # A class here may lack options in its groups, and takes them all.
    return [
        {**mine, **{k: v for k, v in group.items() if library.name == OURS or k in mine}}
        for mine, group in pairs
    ]


def others(made: Mapping[str, Any], contents: Contents) -> list[str]:
    """The options of a state dictionary that contents lack, but for those that are off."""
    here = {name for group in contents.groups for name in group} | {MEMBERS, AGE}
    return [name for name, one in made[GROUPS][0].items() if name not in here and one]


def _defaults(library: Library, entry: Entry) -> dict[str, Any]:
    """The options of the library's class with their defaults; none of a class of ours."""
    if library.name == OURS:
        return {}
    try:
        kind = getattr(import_module(library.package), entry.name)
    except Exception as error:
        message = f"{library.package}.{entry.name} can't be imported: {error}"
        raise ImportError(f"{message}; pass the optimizer that loads the state as like") from error
    torch = _torch()
    return dict(kind([torch.nn.Parameter(torch.zeros(1, 1))]).defaults)


def _vectors(entry: Entry) -> dict[str, str]:
    """What states are vectors of, where these have as many dimensions as their variable."""
    if not entry.has_dimensions:
        return {}
    shapes = {state.name: state.shape for state in entry.rule.states}
    return {name: shapes[one.state] for name, one in entry.states.items() if one.state}


def _shown(vector: str | None, whole: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """The shape of a vector of rows or columns; None if it stays what it is."""
    if whole is None:
        return None
    return {"rows": (*whole[:-1], 1), "columns": (*whole[:-2], 1, *whole[-1:])}.get(vector or "")


def _torch() -> Any:
    require("the conversion of a state of torch", "torch")
    return import_module("torch")


def _held(value: Any, library: Library) -> Any:
    """A state, which is an array in classes here also where it is a number."""
    return np.float64(value) if library.name == OURS and isinstance(value, float) else value


def _tensor(value: Any, dtype: str, shape: tuple[int, ...] | None) -> Any:
    """An array as a tensor of its own memory; numbers as they are."""
    torch = _torch()
    if not isinstance(value, torch.Tensor):
        if not hasattr(value, "__array__"):
            return value
        value = torch.from_numpy(np.array(value))
    value = value if shape is None else value.reshape(shape)
    return value.to(getattr(torch, dtype) if dtype else value.dtype, copy=True)
