"""Contents by the names of a library → by those of a rule, and back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from optgen.checkpoints.contents import Contents, number
from optgen.checkpoints.report import OPTION, STATE, Trace
from optgen.checkpoints.tables import Counterpart, Entry
from optgen.compiler.ir.expression import Expression
from optgen.compiler.ir.value import evaluate

Options = Mapping[str, Any]


def to_rule(entry: Entry, contents: Contents, trace: Trace) -> Contents:
    """Contents by the names of a rule."""
    groups = [_to_options(entry, group) for group in contents.groups]
    _trace_options_in(entry, contents, trace)
    states = []
    for place, own in enumerate(contents.states):
        names = _names(entry, groups[contents.members[place]], contents.ages[place])
        found: dict[str, Any] = {}
        for name, value in own.items():
            one = entry.states.get(name)
            if one is not None and one.state:
                found[one.state] = value if one.times is None else value / _factor(one, names)
        states.append(found)
    pairs = []
    for name in _all_names(contents):
        one = entry.states.get(name)
        if one is None:
            trace.end(STATE, name, "dropped")
        elif one.state:
            note = f"divided by {one.text}" if one.times is not None else ""
            pairs.append((name, one.state, _with(note, entry.differs.get(name, ""))))
        else:
            trace.end(STATE, name, "follows from options and counters")
    trace.rename(STATE, pairs)
    return replace(contents, groups=groups, states=states)


def from_rule(entry: Entry, contents: Contents, trace: Trace) -> Contents:
    """Contents by the names of a library, from those by the names of its rule."""
    groups = [_from_options(entry, group) for group in contents.groups]
    _trace_options_out(entry, contents, trace)
    states = []
    for place, own in enumerate(contents.states):
        names = _names(entry, contents.groups[contents.members[place]], contents.ages[place])
        states.append(dict(_from_states(entry, own, names)))
    pairs, known = [], {one.state for one in entry.states.values()}
    there = _all_names(contents)
    for name, one in entry.states.items():
        if one.state in there and any(name in own for own in states):
            note = f"times {one.text}" if one.times is not None else ""
            pairs.append((one.state, name, _with(note, entry.differs.get(name, ""))))
    for name in there:
        if name not in known:
            trace.end(STATE, name, "dropped")
    trace.rename(STATE, pairs)
    for name, one in entry.states.items():
        if one.value is not None and any(name in own for own in states):
            trace.add(STATE, name, f"computed: {one.text}")
    return replace(contents, groups=groups, states=states)


def _from_states(entry: Entry, own: Options, names: Options) -> Iterator[tuple[str, Any]]:
    for name, one in entry.states.items():
        if one.state in own:
            value = own[one.state]
            yield name, value if one.times is None else value * _factor(one, names)
        elif one.value is not None and own:
            yield name, _value(one, one.value, names)


def _all_names(contents: Contents) -> dict[str, None]:
    return {name: None for own in contents.states for name in own}


def _with(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _names(entry: Entry, options: Options, age: float | None) -> dict[str, Any]:
    """The values of the names in formulas."""
    found = {h.name: h.default for h in entry.rule.hyperparameters} | dict(options)
    return found if age is None else found | {"step": age}


def _factor(one: Counterpart, names: Options) -> float:
    assert one.times is not None
    factor = _value(one, one.times, names)
    if not factor or not math.isfinite(factor):
        raise ValueError(f"a state can't be scaled by {one.text}, which is {factor}")
    return factor


def _value(one: Counterpart, formula: Expression, names: Options) -> float:
    """The value of a formula. Raises ValueError where a name in it has none."""
    try:
        return float(evaluate(formula, names))
    except KeyError as error:
        raise ValueError(f"{one.text} has no value without {error.args[0]}") from None
    except (ArithmeticError, TypeError) as error:
        raise ValueError(f"{one.text} has no value: {error}") from None


def _to_options(entry: Entry, group: Options) -> dict[str, Any]:
    declared = {h.name: h for h in entry.rule.hyperparameters}
    found: dict[str, Any] = {}
    for name, parts in entry.options.items():
        if name not in group:
            continue
        values = group[name] if len(parts) > 1 else (group[name],)
        for part, given in zip(parts, values, strict=False):
            value, default = _plain(entry, name, given), declared[part].default
            if declared[part].optional:
                value = None if value == 0 and name != part else value
            elif value is None:
                value = default
            found.setdefault(part, value)
    return found | dict(entry.given)


def _plain(entry: Entry, name: str, given: Any) -> Any:
    words = dict(entry.rule.torch_words).get(name)
    if words and (given is None or given in words):
        return given == words[1]
    return number(given)


def _from_options(entry: Entry, group: Options) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, parts in entry.options.items():
        values = [_shown(entry, name, part, group[part]) for part in parts if part in group]
        if len(values) == len(parts):
            found[name] = tuple(values) if len(values) > 1 else values[0]
    return found | dict(entry.rule.torch_fixed if _has_torch_s(entry) else ()) | dict(entry.fixed)


def _has_torch_s(entry: Entry) -> bool:
    """Whether options are those of the rule's own table for torch."""
    return {name for name, parts in entry.rule.torch_names if parts} == {*entry.options}


def _shown(entry: Entry, name: str, part: str, value: Any) -> Any:
    words = dict(entry.rule.torch_words).get(name)
    if words and isinstance(value, bool):
        return words[value]
    return 0.0 if value is None and name != part else value


def _trace_options_in(entry: Entry, contents: Contents, trace: Trace) -> None:
    here = {name: value for group in contents.groups for name, value in group.items()}
    pairs = []
    for name, value in here.items():
        if name in entry.options:
            note = entry.differs.get(name, "")
            pairs += [(name, part, note) for part in entry.options[name]]
        elif name in entry.fixed and value != entry.fixed[name]:
            trace.end(OPTION, name, f"no counterpart of {value!r}, only of {entry.fixed[name]!r}")
        elif name in entry.fixed or name in dict(entry.rule.torch_fixed) or not _counts(value):
            continue
        else:
            trace.end(OPTION, name, f"dropped: {value!r}")
    trace.rename(OPTION, pairs)
    for name, value in entry.given.items():
        trace.add(OPTION, name, f"always {value!r} there")


def _trace_options_out(entry: Entry, contents: Contents, trace: Trace) -> None:
    here = {name: value for group in contents.groups for name, value in group.items()}
    by_part: dict[str, str] = {}
    for name, parts in entry.options.items():
        for part in parts:
            by_part.setdefault(part, name)
    for name, value in here.items():
        if name in entry.given and value != entry.given[name]:
            trace.end(OPTION, name, f"dropped: {value!r}; always {entry.given[name]!r} there")
        elif name not in by_part and name not in entry.given and _matters(entry, name, value):
            trace.end(OPTION, name, f"dropped: {value!r}")
    kept = [(part, by_part[part]) for part in here if part in by_part]
    trace.rename(OPTION, [(part, name, entry.differs.get(name, "")) for part, name in kept])


def _matters(entry: Entry, name: str, value: Any) -> bool:
    """Whether an option of a rule has an effect: numbers of features that are off have none."""
    shared = {h.name for h in entry.rule.features.hyperparameters}
    usual = {h.name: h.default for h in entry.rule.hyperparameters if not h.optional}
    return _counts(value) and not (name in shared and usual.get(name) == value)


def _counts(value: Any) -> bool:
    """Whether an option has an effect: those that are None, False or 0 are off."""
    return bool(number(value)) if not isinstance(value, tuple | list) else True
