"""State dictionaries by the names of parameters, in whatever order and groups these are."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from optgen.runtime.caller import caller_level

_NAMES = "param_names"
#: Names that a warning shows.
_SHOWN = 8
#: A saved group, and the number that a parameter has in the state dictionary.
Saved = tuple[Mapping[str, Any], Any]


def match_names(optimizer: torch.optim.Optimizer, state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """A state dictionary whose entries are those of the optimizer's parameters, by name.

    It is a hook: ``optimizer.register_load_state_dict_pre_hook(match_names)``, for torch's classes
    too. A group takes the options of the saved group that its saved parameters were in; where they
    were in several, or none was saved, it keeps its own. A parameter that wasn't saved begins anew,
    and the state of one that is gone is left out; a warning names both. Raises ValueError where
    names are missing or not unique.
    """
    saved = {name: (group, number) for group, name, number in _entries(state_dict["param_groups"])}
    if len(saved) < sum(len(group["params"]) for group in state_dict["param_groups"]):
        raise ValueError("two parameters of the state dictionary have the same name")
    _refuse_repeated(optimizer.param_groups)
    own = optimizer.state_dict()["param_groups"]
    wanted = [name for _, name, _ in _entries(own)]
    _warn(missing=[n for n in wanted if n not in saved], gone=[n for n in saved if n not in wanted])
    numbers: dict[Any, Any] = {}
    groups = []
    for group in own:
        found = [saved[name] for name in group[_NAMES] if name in saved]
        numbers |= {
            saved[name][1]: number
            for name, number in zip(group[_NAMES], group["params"], strict=True)
            if name in saved
        }
        options = _options(found, group)
        groups.append({**options, "params": group["params"], _NAMES: group[_NAMES]})
    states = state_dict["state"]
    kept = {key: value for key, value in states.items() if not isinstance(key, int)}
    state = kept | {number: states[old] for old, number in numbers.items() if old in states}
    return {**state_dict, "state": state, "param_groups": groups}


def _entries(groups: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], str, Any]]:
    """Each parameter of a state dictionary: its group, its name and its number."""
    for group in groups:
        if _NAMES not in group:
            raise ValueError(
                "states are matched by names, and the parameters of a group have none; pass "
                "model.named_parameters() to the optimizer, also to the one that is saved"
            )
        for name, number in zip(group[_NAMES], group["params"], strict=True):
            yield group, name, number


def _refuse_repeated(groups: Sequence[Mapping[str, Any]]) -> None:
    names = [name for group in groups for name in group.get(_NAMES, ())]
    if len({*names}) < len(names):
        raise ValueError("two parameters of the optimizer have the same name")


def _options(found: Sequence[Saved], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of the saved group of some parameters; the group's own if it isn't one."""
    groups = {id(group): group for group, _ in found}
    return next(iter(groups.values())) if len(groups) == 1 else own


def _warn(missing: Sequence[str], gone: Sequence[str]) -> None:
    told = [f"{_listed(missing)} begin anew, without a saved state"] if missing else []
    told += [f"the states of {_listed(gone)} are left out"] if gone else []
    if told:
        warnings.warn("; ".join(told), stacklevel=caller_level())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:_SHOWN])) + ", …" * (len(names) > _SHOWN)
