"""Conversion of checkpoints between libraries, and what becomes of each part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from optgen.checkpoints import own, state_dicts, trees, variables
from optgen.checkpoints.contents import Contents
from optgen.checkpoints.defaults import defaults
from optgen.checkpoints.kin import between
from optgen.checkpoints.report import COUNTER, OPTION, STATE, Line, Trace, table
from optgen.checkpoints.sides import Side, source_side, target_side
from optgen.checkpoints.tables import IN_GROUP, IN_STATE
from optgen.checkpoints.translation import from_rule, to_rule

#: The layouts in which libraries save their states.
DICTIONARY, VARIABLES, TREE = "state dictionary", "variables", "tree"


@dataclass(frozen=True)
class Converted:
    """A state for another library, and what became of each part.

    ``state`` is what that library loads; ``options`` are the hyperparameters by its names, where
    all groups have the same, and ``name`` is its class. ``str()`` shows ``report`` as a table.
    """

    state: Any
    name: str
    options: Mapping[str, Any]
    report: tuple[Line, ...]

    @property
    def lost(self) -> tuple[str, ...]:
        """The options, states and counters that have no counterpart."""
        return tuple(f"{one.kind} {one.before}" for one in self.report if not one.after)

    def __str__(self) -> str:
        return table(self.report)


def convert(
    state: Any,
    to: str,
    *,
    source: str = "",
    rule: str | type = "",
    options: Mapping[str, Any] | None = None,
    like: Any = None,
) -> Converted:
    """What ``optgen.convert`` does."""
    begin, trace = source_side(state, source, rule), Trace()
    contents, assumed = _read(state, begin, dict(options or {}))
    trace.begin(OPTION, [name for group in contents.groups for name in group])
    trace.note(OPTION, assumed, "not in the state: the default there")
    trace.begin(STATE, [name for one in contents.states for name in one])
    contents = to_rule(begin.entry, contents, trace)
    end = target_side(begin, to, like)
    contents = between(begin.entry.rule, end.entry.rule, contents, trace)
    contents = _counted(from_rule(end.entry, contents, trace), begin, end, trace)
    made = _written(contents, end, like)
    if end.layout == DICTIONARY and not end.is_array_optimizer:
        for name in state_dicts.others(made, contents):
            trace.add(OPTION, name, "the default there" if like is None else "as in like")
    shown = contents.groups[0] if contents.groups else {}
    return Converted(made, end.entry.name, dict(shown), trace.lines())


def _read(state: Any, side: Side, options: Mapping[str, Any]) -> tuple[Contents, list[str]]:
    """What a state holds, and the options that are assumed as it doesn't."""
    if (found := own.snapshot_of(state)) is not None:
        contents = own.read(found, side.entry.rule)
    elif side.layout == DICTIONARY:
        saved = state.state_dict() if hasattr(state, "state_dict") else state
        contents = state_dicts.read(saved, side.library)
    else:
        return _read_bare(state, side, options)
    return replace(contents, groups=[{**group, **options} for group in contents.groups]), []


def _read_bare(state: Any, side: Side, options: Mapping[str, Any]) -> tuple[Contents, list[str]]:
    """What a state holds that has no options."""
    config = state.get_config() if hasattr(state, "get_config") else {}
    known = {name: one for name, one in config.items() if name in side.entry.options}
    if config:
        known["learning_rate"] = float(state.learning_rate)
    usual = defaults(side.library, side.entry)
    reading = trees.read if side.layout == TREE else variables.read
    held = state.variables if config else state
    contents = reading(held, side.entry, {**known, **options}, usual)
    (group,) = contents.groups
    return replace(contents, groups=[{**usual, **group}]), [n for n in usual if n not in group]


def _written(contents: Contents, side: Side, like: Any) -> Any:
    if side.is_array_optimizer:
        return own.written(contents, like, side.library.calls_by)
    if side.layout == DICTIONARY:
        saved = like.state_dict() if hasattr(like, "state_dict") else like
        return state_dicts.written(contents, side.library, side.entry, saved)
    if side.layout == TREE:
        if like is None:
            raise ValueError("pass the state of the transformation's init as like, to be filled in")
        return trees.written(contents, like)
    return variables.written(contents, side.entry, contents.groups[0])


def _counted(contents: Contents, begin: Side, end: Side, trace: Trace) -> Contents:
    """Contents, with what becomes of the number of updates written down."""
    ages = {age for age in contents.ages if age is not None}
    name, each = "updates", end.layout == DICTIONARY and end.entry.age == IN_STATE
    if ages:
        trace.begin(COUNTER, [name])
        counts = end.layout != DICTIONARY or end.entry.age in (IN_STATE, IN_GROUP)
        if not counts:
            trace.end(COUNTER, name, "not counted there")
        elif len(ages) > 1 and not each:
            trace.rename(COUNTER, [(name, name, "the largest; variables have different ones")])
    elif end.layout != DICTIONARY or end.entry.age:
        trace.add(COUNTER, name, "not counted there: 1 where there are states")
        return replace(contents, ages=[1.0 if one else 0.0 for one in contents.states])
    return contents
