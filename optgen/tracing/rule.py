"""The rule that traces found: one update for all variables and steps, with its states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optgen.compiler.ir.problem import Location
from optgen.tracing.evaluation import agree
from optgen.tracing.graph import NAME, Node, names_of, walk
from optgen.tracing.runs import GRAD, PARAM, SIZE, STEP, Run, StateFact, Subject, all_paths, merged
from optgen.tracing.unfollowed import UnfollowedError

#: The variable whose update becomes the rule; that of the other one must be the same.
RULE, OTHER = "0", "1"
#: How many values are tried as that with which a state begins.
_MOST_CANDIDATES = 12


@dataclass(frozen=True)
class FoundState:
    """A state of the rule."""

    symbol: str
    #: "element", "tensor" or "call".
    shape: str
    initial: Node
    after: Node


@dataclass(frozen=True)
class FoundRule:
    """What a step does to a variable, in symbols."""

    param: Node
    states: tuple[FoundState, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All values that the rule computes, and those that states begin with."""
        after = (one for state in self.states for one in (state.initial, state.after))
        return (self.param, *after)


def found_rule(subject: Subject) -> FoundRule:
    """Trace the first step and later ones; refuses what isn't one rule for each variable."""
    firsts = all_paths(subject.first)
    subject.find_changing()
    first = merged(subject.graph, all_paths(subject.first) if subject.changing else firsts)
    paths = all_paths(subject.later)
    for path in paths:
        _same_for_all_values(subject, path)
    later = merged(subject.graph, paths)
    for values in (first, later):
        _one_rule(subject, values)
    return _Assembly(subject, _of_rule(first), _of_rule(later)).rule()


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
    return {name: node for name, node in values.items() if _mark(name) != OTHER}


def _mark(symbol: str) -> str:
    """The variable that a symbol belongs to; empty for what all share."""
    end = max(symbol.rfind(":"), symbol.rfind("@"))
    return symbol[end + 1 :] if end >= 0 else ""


def _one_rule(subject: Subject, values: Mapping[str, Node]) -> None:
    """Refuse updates that depend on other variables, or on the shape."""
    for symbol, node in values.items():
        mine = _mark(symbol)
        foreign = sorted(name for name in names_of(node) if _mark(name) not in ("", mine))
        if foreign:
            whose = "the parameters together" if not mine else "another parameter"
            raise UnfollowedError(
                f"{_spoken(symbol)} depends on {whose}",
                _place(subject, node, foreign[0]),
                "only rules that treat each parameter alone are followed",
            )
    graph = subject.graph
    renamed = {
        name: graph.name(name[:-1] + RULE)
        for node in values.values()
        for name in names_of(node)
        if _mark(name) == OTHER
    }
    for symbol, node in values.items():
        if _mark(symbol) == OTHER:
            same = values.get(symbol[:-1] + RULE)
            if same is not graph.substitute(node, renamed):
                alike = set(walk(same)) if same is not None else set()
                placed = [one for one in walk(node) if one in subject.places]
                unlike = [one for one in placed if graph.substitute(one, renamed) not in alike]
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


class _Assembly:
    """Joins the first step and later ones."""

    def __init__(
        self, subject: Subject, first: Mapping[str, Node], later: Mapping[str, Node]
    ) -> None:
        self.subject, self.graph = subject, subject.graph
        self.first, self.later = first, later
        self.facts = {name: fact for name, fact in subject.facts.items() if name in later}
        self.values = list(_drawn(subject, self.facts))

    def rule(self) -> FoundRule:
        initial = {symbol: self.graph.number(0) for symbol in self.facts}
        for symbol, fact in self.facts.items():
            initial[symbol] = self._initial(fact, initial)
        after = {name: self._joined(name, initial) for name in self.later}
        param = f"{PARAM}{RULE}"
        live, waiting = set[str](), [after[param]]
        while waiting:
            for name in names_of(waiting.pop()):
                if name in self.facts and name not in live:
                    live.add(name)
                    waiting.append(after[name])
        # A state that stays as it began is that value.
        constant = {
            name: initial[name]
            for name in live
            if after[name] is self.graph.name(name) and not initial[name].has_elements
        }
        states = tuple(
            FoundState(
                name,
                self._shape(name, after),
                initial[name],
                self.graph.substitute(after[name], constant),
            )
            for name in self.facts
            if name in live - constant.keys()
        )
        return FoundRule(self.graph.substitute(after[param], constant), states)

    def _initial(self, fact: StateFact, others: Mapping[str, Node]) -> Node:
        """A value that a state may begin with, preferably one that explains the first step."""
        born = fact.born
        if born is not None and self._may_begin(born):
            return born
        candidates = [self.graph.number(0), self.graph.number(1)]
        if born is None or not self._explains(fact.symbol, others):
            # A state that each step makes anew began with a value of the first one.
            parts = [one for one in walk(self.first[fact.symbol]) if self._may_begin(one)]
            candidates += sorted(parts, key=lambda one: one.number)[:_MOST_CANDIDATES]
        for one in candidates:
            if self._explains(fact.symbol, {**others, fact.symbol: one}):
                return one
        return candidates[0]

    def _may_begin(self, born: Node) -> bool:
        if born.is_number:
            return True
        is_name = born.operator == NAME
        return is_name and (str(born.value) in self.subject.fixed or _is_param(born))

    def _explains(self, symbol: str, initial: Mapping[str, Node]) -> bool:
        begun = {**initial, STEP: self.graph.number(1)}
        general = self.graph.substitute(self.later[symbol], begun)
        return all(agree(self.first[symbol], general, values) for values in self.values)

    def _joined(self, symbol: str, initial: Mapping[str, Node]) -> Node:
        """The value after any step."""
        if self._explains(symbol, initial):
            return self.later[symbol]
        begins = self.graph.apply("==", self.graph.name(STEP), self.graph.number(1))
        return self.graph.choice(begins, self.first[symbol], self.later[symbol])

    def _shape(self, symbol: str, after: Mapping[str, Node]) -> str:
        if self.facts[symbol].is_element:
            return "element"
        waiting, seen = [symbol], set[str]()
        while waiting:
            name = waiting.pop()
            seen.add(name)
            inside = names_of(after[name])
            if any(one.startswith((PARAM, GRAD, SIZE)) or ":" in one for one in inside):
                return "tensor"
            waiting += [one for one in inside if one in self.facts and one not in seen]
        return "call"


def _is_param(node: Node) -> bool:
    return str(node.value).startswith(PARAM)


def _drawn(subject: Subject, facts: Mapping[str, StateFact]) -> Iterator[dict[str, Any]]:
    """Values of all names: hyperparameters beside their defaults, which may be special."""
    for seed in range(3):
        draw = np.random.default_rng(seed)
        values: dict[str, Any] = {
            name: value * draw.uniform(0.95, 0.99) if value else draw.uniform(0.01, 0.05)
            for name, value in subject.arguments.defaults.items()
        }
        values |= {f"{PARAM}{RULE}": draw.normal(size=6), f"{GRAD}{RULE}": draw.normal(size=6)}
        values |= {STEP: 3 + seed, f"{SIZE}{RULE}": 6}
        for name, fact in facts.items():
            values[name] = draw.uniform(0.1, 1, size=6 if fact.is_element else ())
        yield values
