"""``extends`` with lines: a spec takes lines of others into its rule, or replaces lines of one.

It has the declarations of the others that its lines use, in their order. What it declares anew
takes the place of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import TypeVar

from optgen.compiler.ir.problem import Problems, nearest
from optgen.compiler.ir.rule import LEARNING_RATE
from optgen.compiler.ir.spec import HyperparameterEntry, Spec, StateEntry, Text
from optgen.compiler.read.load.entries import with_lengths
from optgen.compiler.read.load.extends import inheriting, merged_queues

_ALONE = re.compile(r"[ \t]*(\w+)[ \t]*(?:#.*)?")
_WORD = re.compile(r"[A-Za-z_]\w*")

Entry = TypeVar("Entry", HyperparameterEntry, StateEntry)


@dataclass(frozen=True)
class Base:
    """A spec that another one extends, under the name that it is called by there."""

    called: Text
    spec: Spec

    @property
    def lines(self) -> dict[str, Text]:
        """Its whole rule and the parts of it, by their names."""
        parts = {str(name): text for name, text in self.spec.parts}
        return {self.spec.module: self.spec.rule, **parts}


def with_lines_of(bases: Sequence[Base], own: Spec, problems: Problems) -> Spec:
    """A spec whose rule takes in the rules of others, or parts of them."""
    theirs = {name: text for base in reversed(bases) for name, text in base.lines.items()}
    lines = {**theirs, **{str(name): text for name, text in own.parts}}
    taken = _taken_in(own.rule, lines)
    spec = _together(bases, own)
    words = _words(own.rule, spec.evaluate, spec.perturb, spec.rank, spec.block)
    words |= _words(*(lines[name] for name in taken), *_texts_of(own.states)) | {LEARNING_RATE}
    for base in bases:
        _check_use(base, taken | (words - _declared(own)), problems)
    states, numbers = _kept(bases, own, taken, words)
    anew = {number.name.value for number in own.hyperparameters}
    gone = {number.name.value for base in bases for number in base.spec.hyperparameters}
    gone -= {number.name.value for number in numbers} - anew
    shared = _words(*(theirs[name] for name in taken & {*theirs})) | {LEARNING_RATE}
    defaults = (one for one in spec.defaults if one[0].value not in gone)
    return replace(
        spec,
        hyperparameters=_anew(numbers, own.hyperparameters),
        states=_anew(states, own.states),
        defaults=(*defaults, *own.defaults),
        torch=tuple(one for one in spec.torch if not {*map(str, one.sets)} & gone - shared),
    )


def _kept(
    bases: Sequence[Base], own: Spec, taken: Set[str], words: Set[str]
) -> tuple[list[StateEntry], list[HyperparameterEntry]]:
    """What a spec has of its bases: all of a rule that it takes whole, else what has its words."""
    states = [
        state
        for base in bases
        for state in with_lengths(base.spec.states, own.queues)
        if base.spec.module in taken or {state.name.value, state.inside} & words
    ]
    words = words | _words(*_texts_of(states))
    numbers = [
        number
        for base in bases
        for number in base.spec.hyperparameters
        if base.spec.module in taken or {number.name.value, number.of_list} & words
    ]
    return states, numbers


def with_parts_of(base: Base, own: Spec, problems: Problems) -> Spec:
    """A spec that has the rule of another, with lines of its own for parts of it."""
    known = [str(name) for name, _ in base.spec.parts]
    for name, _ in own.parts:
        if name.value not in known:
            message = f"the rule of {base.spec.name.value!r:.80} has no part {name.value!r:.80}"
            hint = nearest(name.value, known) or f"its parts are {', '.join(known) or 'none'}"
            problems.add(message, name.location, hint)
    waived = (*base.spec.waived, *own.waived)
    return with_lines_of([base], replace(own, rule=base.spec.rule, waived=waived), problems)


def _together(bases: Sequence[Base], own: Spec) -> Spec:
    """What a spec says, or else the first of its bases that does, but for what lines decide."""
    specs = [base.spec for base in bases]
    spec = specs[-1]
    for one in reversed(specs[:-1]):
        spec = inheriting(spec, one)
    said = (own, *specs)
    whole = [(Text(base.spec.module, base.called.location), base.spec.rule) for base in bases]
    theirs = [part for one in reversed(specs) for part in one.parts]
    return replace(
        inheriting(spec, replace(own, defaults=())),
        queues=merged_queues(spec.queues, own.queues),
        rule=own.rule,
        view=next((one.view for one in said if one.view), None),
        rank=next((one.rank for one in said if one.rank), None),
        block=next((one.block for one in said if one.block), None),
        compute=next((one.compute for one in said if one.compute), None),
        inputs=tuple(given for one in (*specs, own) for given in one.inputs),
        evaluate=next((one.evaluate for one in said if one.evaluate), None),
        perturb=next((one.perturb for one in said if one.perturb), None),
        fallback=next((one.fallback for one in said if one.fallback), None),
        parts=(*reversed(whole), *theirs, *own.parts),
        waived=own.waived,
    )


def _check_use(base: Base, used: Set[str], problems: Problems) -> None:
    """Collect a problem for a base of which neither lines nor declarations are used."""
    if not used & ({*base.lines} | _declared(base.spec)):
        message = f"the rule takes in nothing of {base.called.value!r:.80}, which it extends"
        hint = f"write a line with {' or '.join(base.lines)} alone"
        problems.add(message, base.called.location, hint)


def _declared(spec: Spec) -> set[str]:
    """What a spec declares, but for the learning rate."""
    numbers = {_called(one) for one in spec.hyperparameters}
    return {*numbers, *(_called(one) for one in spec.states)} - {LEARNING_RATE}


def _called(entry: HyperparameterEntry | StateEntry) -> str:
    """The name that a declaration has in the file."""
    of_list = entry.of_list if isinstance(entry, HyperparameterEntry) else entry.inside
    return of_list or entry.name.value


def _anew(theirs: Iterable[Entry], own: Iterable[Entry]) -> tuple[Entry, ...]:
    """Declarations of bases, the first of each name, with a spec's own in their places."""
    declared: dict[str, list[Entry]] = {}
    for entry in own:
        declared.setdefault(_called(entry), []).append(entry)
    found: dict[str, list[Entry]] = {}
    for entry in theirs:
        alike = found.setdefault(_called(entry), [])
        if entry.name.value not in {one.name.value for one in alike}:
            alike.append(entry)
    return tuple(entry for alike in {**found, **declared}.values() for entry in alike)


def _taken_in(rule: Text, lines: Mapping[str, Text]) -> set[str]:
    """The names of lines that a text takes in, and those that they take in."""
    taken: set[str] = set()
    waiting = [rule]
    while waiting:
        for line in waiting.pop().value.split("\n"):
            alone = _ALONE.fullmatch(line)
            if alone and alone[1] in lines and alone[1] not in taken:
                taken.add(alone[1])
                waiting.append(lines[alone[1]])
    return taken


def _texts_of(states: Sequence[StateEntry]) -> list[Text | None]:
    """What states say by names of others."""
    initial = (one.initial for one in states)
    return [
        *(one.when for one in states),
        *(one.invariant for one in states),
        *(text for text in initial if isinstance(text, Text)),
    ]


def _words(*texts: Text | None) -> set[str]:
    rows = (row.split("#")[0] for text in texts if text for row in text.value.split("\n"))
    return {word for row in rows for word in _WORD.findall(row)}
