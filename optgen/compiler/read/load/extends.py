"""``extends``: a spec takes the rule of another whole, with defaults of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from optgen.compiler.ir.problem import Problems, SpecError, nearest
from optgen.compiler.ir.spec import QueueEntry, Spec, Text
from optgen.compiler.read.load.document import read
from optgen.compiler.read.load.entries import with_lengths

#: What a spec with such a key states.
_KINDS = {"slot": "feature", "schedule": "schedule", "function": "function"}


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
        inheriting(base, own),
        states=with_lengths(base.states, own.queues),
        queues=merged_queues(base.queues, own.queues),
    )


def merged_queues(base: Iterable[QueueEntry], own: Iterable[QueueEntry]) -> tuple[QueueEntry, ...]:
    """The queues of a spec and of its base, with its own lengths."""
    return tuple({queue.name.value: queue for queue in (*base, *own)}.values())


def inheriting(base: Spec, own: Spec) -> Spec:
    """The base with what every spec says for itself."""
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
