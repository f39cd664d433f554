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
    return _way(one, other) is not None


def between(one: Rule, other: Rule, contents: Contents, trace: Trace) -> Contents:
    """Contents by the names of another rule. Raises ValueError where there is no way to it."""
    way = _way(one, other)
    if way is None:
        raise ValueError(f"the state of {one.__name__} is none of {other.__name__}")
    for entry, is_forward in way:
        contents = (from_rule if is_forward else to_rule)(entry, contents, trace)
    return contents


#: An entry of the tables, and whether it leads from its rule or to it.
_Step = tuple[Entry, bool]


def _way(one: Rule, other: Rule) -> list[_Step] | None:
    """The fewest steps from one rule to another; None if there is no way."""
    ways: dict[str, list[_Step]] = {one.__name__: []}
    for name in (waiting := [one.__name__]):
        for entry in library(OURS).entries:
            ends = entry.rule.__name__, entry.name
            for start, end, is_forward in ((*ends, True), (*ends[::-1], False)):
                if start == name and end not in ways:
                    ways[end] = [*ways[name], (entry, is_forward)]
                    waiting.append(end)
    return ways.get(other.__name__)
