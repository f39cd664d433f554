"""Which library and class a state is of, and which it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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

#: Rules whose states have the format of torch's begin with that in the table of rules here.
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
        from optgen.torch.arguments import arguments

        pairs = ((one.name, one.parts) for one in arguments(rule) if one.is_grouped)
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
    prefixed = f"Torch{found}"
    try:
        return rule_of(prefixed)
    except ValueError:
        return rule_of(found)


def _library_of(state: Any) -> str:
    """The library that an optimizer's class is of; empty for what is no optimizer."""
    if hasattr(state, "rule") and hasattr(state, "param_groups"):
        return OURS
    for kind in type(state).__mro__:
        for name in libraries():
            of = library(name)
            if name != OURS and f"{kind.__module__}.".startswith(f"{of.package.partition('.')[0]}."):
                return name
    return ""


def _named(of: Library, rule: Any) -> Entry | None:
    """The entry of a name, of the library's class before a rule here."""
    name = getattr(rule, "__name__", rule)
    by_class = [one for one in of.entries if one.name == name]
    by_rule = [one for one in of.entries if one.rule.__name__ == name]
    return next(iter([*by_class, *by_rule]), None)


def _only(of: Library, state: Any) -> Entry | None:
    """The one entry that a state dictionary fits; None if there isn't one."""
    if not state_dicts.is_one(state):
        return None
    found = state_dicts.read(state, of)
    there = {name for own in found.states for name in own}
    fitting = [
        one
        for one in of.entries
        if there
        and there <= set(one.states)
        and all(
            set(one.options) <= set(group)
            and all(group.get(name, value) == value for name, value in one.fixed.items())
            for group in found.groups
        )
    ]
    return fitting[0] if len(fitting) == 1 else None
