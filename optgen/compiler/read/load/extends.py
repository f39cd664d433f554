"""``extends``: a spec takes the rule of another whole, or takes lines of it into its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from optgen.compiler.ir.problem import Problems, SpecError, nearest
from optgen.compiler.ir.rule import LEARNING_RATE
from optgen.compiler.ir.spec import HyperparameterEntry, QueueEntry, Spec, StateEntry, Text
from optgen.compiler.read.load.document import read
from optgen.compiler.read.load.entries import with_lengths

#: What a spec with such a key states.
_KINDS = {"slot": "feature", "schedule": "schedule", "function": "function"}
_ALONE = re.compile(r"[ \t]*(\w+)[ \t]*(?:#.*)?")
_WORD = re.compile(r"[A-Za-z_]\w*")


def base_of(
    path: Path,
    extends: Text,
    folders: Iterable[Path],
    shown: Callable[[Path], str],
    load: Callable[[Path], Spec],
    problems: Problems,
    *,
    may_extend: bool = False,
) -> Spec | None:
    """The spec that is extended; None, with a problem, if there is no valid base.

    ``may_extend`` allows one that extends another spec itself.
    """
    files = [file for folder in reversed([*folders]) for file in folder.glob("*.toml")]
    known = {file.stem.lower(): file for file in files if file != path}
    file = known.get(extends.value.lower())
    message = hint = ""
    if file is None:
        message = f"there is no spec named {extends.value!r:.80} to extend"
        hint = nearest(extends.value.lower(), known)
    else:
        try:
            base = read(file, shown(file))
            if "extends" in base.data and not may_extend:
                message = f"{extends.value!r} extends a spec itself"
                hint = "extend its base instead"
            elif kind := _KINDS.get(next((key for key in base.data if key in _KINDS), "")):
                message = f"{extends.value!r} is a {kind}; only an optimizer can be extended"
            else:
                return load(file)
        except SpecError as error:
            problems += error.problems
    if message:
        problems.add(message, extends.location, hint)
    return None


def extended(base: Spec, own: Spec, problems: Problems) -> Spec:
    """A spec that inherits the rule of another; its name, texts and defaults are its own."""
    known = {queue.name.value for queue in base.queues}
    for queue in own.queues:
        if queue.name.value not in known:
            message = f"{base.name.value} has no queue {queue.name.value!r:.80}"
            problems.add(message, queue.name.location, nearest(queue.name.value, known))
    return replace(
        _inheriting(base, own),
        states=with_lengths(base.states, own.queues),
        queues=_merged(base.queues, own.queues),
    )


def _merged(base: Iterable[QueueEntry], own: Iterable[QueueEntry]) -> tuple[QueueEntry, ...]:
    """The queues of a spec and of its base, with its own lengths."""
    return tuple({queue.name.value: queue for queue in (*base, *own)}.values())


def _inheriting(base: Spec, own: Spec) -> Spec:
    return replace(
        base,
        path=own.path,
        name=own.name,
        summary=own.summary or base.summary,
        reference=own.reference or base.reference,
        label=own.label,
        defaults=(*base.defaults, *own.defaults),
        torch=tuple({str(one.name): one for one in (*base.torch, *own.torch)}.values()),
        demo_learning_rate=own.demo_learning_rate or base.demo_learning_rate,
        waived=(*base.waived, *own.waived),
        digests=(*own.digests, *base.digests),
    )


def with_lines_of(base: Spec, own: Spec, extends: Text, problems: Problems) -> Spec:
    """A spec whose own rule takes in the rule of another, or fragments of it.

    It has the declarations of the other one that these lines use. What they don't use, it may
    declare itself.
    """
    whole = Text(base.module, extends.location)
    found = {str(name): text for name, text in ((whole, base.rule), *base.fragments)}
    listed = {**found, **{str(name): text for name, text in own.fragments}}
    taken = fragments_in(own.rule, listed)
    if not taken & {*found}:
        message = f"the rule takes in nothing of {extends.value!r:.80}, which it extends"
        problems.add(message, extends.location, f"write a line with {' or '.join(found)} alone")
    inherited = _words(*(found[name] for name in taken & {*found}))
    words = inherited | _words(own.rule, *(listed[name] for name in taken))
    for state in own.states:
        words |= _words(*_texts_of(state))
    words |= {side.value for side in (base.rank, base.block) if side is not None}
    declared = {entry.of_list or entry.name.value for entry in own.hyperparameters}
    keeps_all = base.module in taken
    lengthened = with_lengths(base.states, own.queues)
    states = [one for one in lengthened if keeps_all or {one.name.value, one.inside} & words]
    for state in states:
        inherited |= _words(*_texts_of(state))
    words |= inherited

    def is_kept(entry: HyperparameterEntry) -> bool:
        names = {entry.name.value, entry.of_list}
        if names & declared:
            return keeps_all or bool(names & inherited)
        return keeps_all or bool(names & words) or entry.name.value == LEARNING_RATE

    kept = tuple(entry for entry in base.hyperparameters if is_kept(entry))
    gone = {entry.name.value for entry in base.hyperparameters if entry not in kept}
    no_longer = gone - {LEARNING_RATE}
    merged = _inheriting(base, own)
    return replace(
        merged,
        hyperparameters=(*kept, *own.hyperparameters),
        states=(*states, *own.states),
        queues=_merged(base.queues, own.queues),
        rule=own.rule,
        view=own.view or base.view,
        rank=own.rank or base.rank,
        block=own.block or base.block,
        compute=own.compute or base.compute,
        inputs=(*base.inputs, *own.inputs),
        evaluate=own.evaluate or base.evaluate,
        perturb=own.perturb or base.perturb,
        fragments=((whole, base.rule), *base.fragments, *own.fragments),
        defaults=tuple(one for one in merged.defaults if one[0].value not in gone),
        torch=tuple(one for one in merged.torch if not {*map(str, one.sets)} & no_longer),
    )


def check_fragments(spec: Spec, own: Iterable[Text], problems: Problems) -> None:
    """Collect a problem for each of a spec's own fragments that its rule doesn't take in."""
    taken = fragments_in(spec.rule, {str(name): text for name, text in spec.fragments})
    for name in own:
        if name.value not in taken:
            message = f"the rule never takes in the fragment {name.value!r:.80}"
            problems.add(message, name.location, f"write a line with {name.value:.80} alone")


def fragments_in(rule: Text, fragments: dict[str, Text]) -> set[str]:
    """The fragments that a text takes in, and those that they take in."""
    taken: set[str] = set()
    waiting = [rule]
    while waiting:
        for line in waiting.pop().value.split("\n"):
            alone = _ALONE.fullmatch(line)
            if alone and alone[1] in fragments and alone[1] not in taken:
                taken.add(alone[1])
                waiting.append(fragments[alone[1]])
    return taken


def _texts_of(state: StateEntry) -> list[Text]:
    initial = state.initial if isinstance(state.initial, Text) else None
    return [text for text in (state.when, initial, state.invariant) if text is not None]


def _words(*texts: Text) -> set[str]:
    lines = (line.split("#")[0] for text in texts for line in text.value.split("\n"))
    return {word for line in lines for word in _WORD.findall(line)}
