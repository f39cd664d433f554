"""The rule that traces found: one update for all variables and steps, with its states."""

from __future__ import annotations

from collections.abc import Mapping

from optgen.compiler.ir.problem import Location
from optgen.tracing.assembly import Assembly, FoundRule
from optgen.tracing.graph import Node, names_of, walk
from optgen.tracing.runs import PARAM, Run, Subject, all_paths, merged
from optgen.tracing.together import (
    OTHER,
    RULE,
    free_names,
    mark,
    renamed,
    with_global_sums,
)
from optgen.tracing.unfollowed import UnfollowedError


def found_rule(subject: Subject) -> FoundRule:
    """Trace the first step and later ones; refuses what isn't one rule for each variable."""
    firsts = all_paths(subject.first)
    subject.find_changing()
    first = merged(subject.graph, all_paths(subject.first) if subject.changing else firsts)
    paths = all_paths(subject.later)
    for path in paths:
        _same_for_all_values(subject, path)
    later = merged(subject.graph, paths)
    first, later = (
        {name: with_global_sums(subject.graph, node) for name, node in values.items()}
        for values in (first, later)
    )
    for values in (first, later):
        _one_rule(subject, values)
    return Assembly(subject, _of_rule(first), _of_rule(later)).rule()


def _same_for_all_values(subject: Subject, path: Run) -> None:
    """Refuse numbers that became constants: other values give other ones."""
    forced = tuple(one.outcome for one in path.decisions)
    varied = subject.later(forced, variation=1)
    for symbol, node in path.after.items():
        other = varied.after[symbol]
        if node is other:
            continue
        fresh = {one.number for one in walk(node)}
        new = sorted(walk(other), key=lambda one: one.number)
        constants = {one for one in new if one.is_number and one.number not in fresh}
        user = next((one for one in new if constants & set(one.operands)), other)
        lost = [place for _, place in subject.lost.values()]
        raise UnfollowedError(
            f"{_spoken(symbol)} depends on a number that the trace lost sight of",
            lost[0] if lost else _place(subject, user),
            "numbers of torch or Python that become others than float leave no trace",
        )


def _of_rule(values: Mapping[str, Node]) -> dict[str, Node]:
    return {name: node for name, node in values.items() if mark(name) != OTHER}


def _one_rule(subject: Subject, values: Mapping[str, Node]) -> None:
    """Refuse updates that depend on other variables, or on the shape."""
    for symbol, node in values.items():
        mine = mark(symbol)
        foreign = sorted(name for name in free_names(node) if mark(name) not in ("", mine))
        if foreign:
            whose = "the parameters together" if not mine else "another parameter"
            raise UnfollowedError(
                f"{_spoken(symbol)} depends on {whose}",
                _place(subject, node, foreign[0]),
                "only rules that treat each parameter alone are followed",
            )
    graph = subject.graph
    for symbol, node in values.items():
        if mark(symbol) == OTHER:
            same = values.get(symbol[:-1] + RULE)
            if same is not renamed(graph, node):
                alike = set(walk(same)) if same is not None else set()
                placed = [one for one in walk(node) if one in subject.places]
                unlike = [one for one in placed if renamed(graph, one) not in alike]
                raise UnfollowedError(
                    f"{_spoken(symbol)} isn't computed alike for parameters of two shapes",
                    _place(subject, min(unlike, key=lambda one: one.number, default=node)),
                    "rules that depend on the shape, or on the place in the list, aren't followed",
                )


def _spoken(symbol: str) -> str:
    name = symbol.removeprefix("state.").rstrip("01").rstrip(":@")
    return "the parameter" if name == PARAM[:-1] else f"the state {name}"


def _place(subject: Subject, node: Node, name: str = "") -> Location:
    """Where a value was computed: the innermost part that has a name."""
    parts = sorted(walk(node), key=lambda one: one.number)
    places = [subject.places[part] for part in parts if part in subject.places]
    named = [part for part in parts if part in subject.places and name in names_of(part)]
    if named:
        return subject.places[named[0]]
    return places[-1] if places else Location(subject.owner.__name__, 0)
