"""Which library and class a state is of, and which it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from optgen.checkpoints import own, state_dicts
from optgen.checkpoints.kin import are_kin
from optgen.checkpoints.tables import (
    OURS,
    Counterpart,
    Entry,
    Library,
    libraries,
    library,
    rule_of,
)
from optgen.runtime.optimizer import Optimizer

#: The layout of classes of torch's parameters.
_LAYOUT = "state dictionary"


@dataclass(frozen=True)
class Side:
    """A class of a library, and the layout of its state."""

    library: Library
    entry: Entry
    layout: str
    #: Whether it is an optimizer of arrays here.
    is_array_optimizer: bool = False


def source_side(state: Any, source: str, rule: Any) -> Side:
    """What a state is of. Raises ValueError where it must be said."""
    found = own.snapshot_of(state)
    if found is not None:
        kind = rule if isinstance(rule, type) else type(state)
        known = kind if issubclass(kind, Optimizer) else rule_of(found.optimizer)
        return _own_side(known, is_array_optimizer=True)
    name = source or _library_of(state)
    if not name:
        raise ValueError(f"say where the state is from, as in source={libraries()[0]!r}")
    of = library(name)
    if name == OURS:
        return _own_side(_own_rule(state, rule))
    entry = _named(of, rule or type(state).__name__) or _only(of, state)
    if entry is None:
        names = ", ".join(one.name for one in of.entries)
        what = f"{rule!r} is none" if rule else "say which class the state is of, as rule"
        raise ValueError(f"{what}; known ones of {name} are {names}")
    return Side(of, entry, of.layout)


def target_side(begin: Side, to: str, like: Any) -> Side:
    """What a state is for. Raises ValueError where no class there has the rule."""
    of, rule = library(to), begin.entry.rule
    if to == OURS:
        kind = getattr(like, "rule", None) or (type(like) if isinstance(like, Optimizer) else rule)
        return _own_side(kind, is_array_optimizer=isinstance(like, Optimizer))
    wanted = type(like).__name__, begin.entry.name
    fitting = [one for one in of.entries if one.rule.__name__ == rule.__name__]
    fitting = fitting or [one for one in of.entries if are_kin(rule, one.rule)]
    if not fitting:
        raise ValueError(f"no class of {to} that is known here has the rule {rule.__name__}")
    best = min(fitting, key=lambda one: wanted.index(one.name) if one.name in wanted else 2)
    return Side(of, best, of.layout)


def _own_side(rule: type[Optimizer], *, is_array_optimizer: bool = False) -> Side:
    """A class of ours, whose options are torch's where it is one of torch's parameters."""
    names: Mapping[str, tuple[str, ...]] = {h.name: (h.name,) for h in rule.hyperparameters}
    if not is_array_optimizer:
        listed = import_module("optgen.torch.arguments").arguments(rule)
        pairs = ((one.name, one.parts) for one in listed if one.is_grouped)
        names = {name: tuple(part.name for part in parts) for name, parts in pairs if parts}
    states = {state.name: Counterpart(state.name) for state in rule.states}
    entry = Entry(OURS, rule.__name__, rule, names, states)
    return Side(library(OURS), entry, _LAYOUT, is_array_optimizer)


def _own_rule(state: Any, rule: Any) -> type[Optimizer]:
    """The rule of a class of ours. Raises ValueError where it must be said."""
    found = getattr(state, "rule", None) or rule
    if isinstance(found, type):
        return getattr(found, "rule", found)
    if not found:
        raise ValueError("say which rule the state is of, as rule")
    classes = import_module("optgen.torch")
    made = getattr(classes, found) if found in classes.__all__ else None
    return getattr(made, "rule", None) or rule_of(found)


def _library_of(state: Any) -> str:
    """The library that an optimizer's class is of; empty for what is no optimizer."""
    if hasattr(state, "rule") and hasattr(state, "param_groups"):
        return OURS
    for kind in type(state).__mro__:
        top = kind.__module__.partition(".")[0]
        for name in libraries():
            if name != OURS and library(name).package.partition(".")[0] == top:
                return name
    return ""


def _named(of: Library, rule: Any) -> Entry | None:
    """The entry of a name, of the library's class before a rule here."""
    name = getattr(rule, "__name__", rule)
    by_class = [one for one in of.entries if one.name == name]
    by_rule = [one for one in of.entries if one.rule.__name__ == name]
    return next(iter([*by_class, *by_rule]), None)


def _only(of: Library, state: Any) -> Entry | None:
    """The entry that a state dictionary fits, with all of its options; None if there isn't one."""
    if not state_dicts.is_one(state):
        return None
    found = state_dicts.read(state, of)
    there = {name for own in found.states for name in own}
    options = {name: value for group in found.groups for name, value in group.items()}
    counts = {
        one.name: len(options.keys() - one.options.keys() - one.fixed.keys())
        for one in of.entries
        if there
        and there <= one.states.keys()
        and one.options.keys() <= options.keys()
        and all(options.get(name, value) == value for name, value in one.fixed.items())
    }
    best = [name for name, count in counts.items() if count == min(counts.values())]
    return _named(of, best[0]) if len(best) == 1 else None
