"""Features that observe a whole update: what they see has names of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optgen.compiler.ir.condition import NEVER
from optgen.compiler.ir.expression import Name, walk
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.rule import (
    GIVEN_NAMES,
    GRAD,
    NEW_PARAM,
    OBSERVED,
    OLD_GRAD,
    OLD_PARAM,
    PARAM,
    Block,
    Step,
)

_OLD = {OLD_PARAM: PARAM, OLD_GRAD: GRAD}


def with_observed(blocks: Sequence[Block], slot: str, before: Sequence[str]) -> tuple[Block, ...]:
    """The ordered blocks, and steps that name what those of ``slot`` observe.

    Old values are those behind the blocks of the slots ``before``; the new parameter, which a
    target rounds as its storage does, is that behind all blocks that may change it.
    """
    observers = [block for block in blocks if _slot(block) == slot]
    used = {
        part.id
        for block in observers
        for step in block.steps
        for part in walk(step.expression)
        if isinstance(part, Name)
    }
    if not observers:
        return tuple(blocks)
    when = NEVER
    for block in observers:
        when |= block.when
    first, at = observers[0], observers[0].slot
    assert at is not None
    old, new = (
        replace(
            first,
            steps=tuple(
                Step(name, Name(source), when, at.location)
                for name, source in named.items()
                if name in used
            ),
            branches=(),
        )
        for named in (_OLD, {NEW_PARAM: PARAM})
    )
    early = [block for block in blocks if _slot(block) in before]
    late = [block for block in blocks if block not in early and block not in observers]
    given = [[block] if block.steps else [] for block in (old, new)]
    seeing = [replace(block, observes=True) for block in observers]
    return (*early, *given[0], *late, *given[1], *seeing)


def _slot(block: Block) -> str:
    return "" if block.slot is None else block.slot.value


def bad_view(block: Block, slot: str) -> Iterator[Problem]:
    """A problem for a feature that observes an update from elsewhere, or that changes it."""
    is_observer = _slot(block) == slot
    for step in block.every_step:
        if is_observer and step.target in GIVEN_NAMES:
            message = f"what runs in slot {slot!r} changes nothing"
            yield Problem(message, step.location, "give the value another name")
            return
        for part in walk(step.expression):
            if isinstance(part, Name) and part.id in OBSERVED and not is_observer:
                message = f"{part.id!r} belongs to slot {slot!r}"
                yield Problem(message, part.location, "move the feature there, or keep the value")
                return
