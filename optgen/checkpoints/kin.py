"""From one rule to another whose states are the same but for names and scales."""

from __future__ import annotations

from optgen.checkpoints.contents import Contents
from optgen.checkpoints.report import Trace
from optgen.checkpoints.tables import OURS, Entry, library
from optgen.checkpoints.translation import from_rule, to_rule
from optgen.runtime.optimizer import Optimizer

Rule = type[Optimizer]


def are_kin(one: Rule, other: Rule) -> bool:
    """Whether the states of one rule can be those of the other."""
    return one.__name__ == other.__name__ or _step(one, other) is not None


def between(one: Rule, other: Rule, contents: Contents, trace: Trace) -> Contents:
    """Contents by the names of another rule. Raises ValueError where there is no way to it."""
    if one.__name__ == other.__name__:
        return contents
    step = _step(one, other)
    if step is None:
        raise ValueError(f"the state of {one.__name__} is none of {other.__name__}")
    entry, is_forward = step
    return (from_rule if is_forward else to_rule)(entry, contents, trace)


def _step(one: Rule, other: Rule) -> tuple[Entry, bool] | None:
    for entry in library(OURS).entries:
        pair = entry.rule.__name__, entry.name
        if pair == (one.__name__, other.__name__):
            return entry, True
        if pair == (other.__name__, one.__name__):
            return entry, False
    return None
