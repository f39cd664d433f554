"""What traces of the first step and of later ones have in common: one update, and its states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optgen.tracing.evaluation import ELEMENTS, agree
from optgen.tracing.graph import NAME, Node, names_of, walk
from optgen.tracing.runs import GRAD, PARAM, STEP, StateFact, Subject
from optgen.tracing.together import (
    GLOBAL_SUM,
    RULE,
    SIZE,
    free_names,
    mark,
)

#: How many values are tried as that with which a state begins.
_MOST_CANDIDATES, _ROUNDS = 12, 3


@dataclass(frozen=True)
class FoundState:
    """A state of the rule."""

    symbol: str
    #: "element", "tensor", "optimizer" or "call".
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


class Assembly:
    """Joins the first step and later ones."""

    def __init__(
        self, subject: Subject, first: Mapping[str, Node], later: Mapping[str, Node]
    ) -> None:
        self.subject, self.graph = subject, subject.graph
        self.first, self.later = first, later
        self.facts = {name: fact for name, fact in subject.facts.items() if name in later}
        self.values = list(_drawn(subject, self.facts))

    def rule(self) -> FoundRule:
        """The values after any step, and the states that they need."""
        initial = {
            symbol: fact.born if fact.born and self._may_begin(fact.born) else self.graph.number(0)
            for symbol, fact in self.facts.items()
        }
        # One state may explain the first step only once another one does.
        for _ in range(_ROUNDS):
            if self._explained(initial) == len(self.later):
                break
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
        kept = [name for name in self.facts if name in live - constant.keys()]
        shapes = {name: self._shape(name, after) for name in kept}
        waiting = [after[name] for name, shape in shapes.items() if shape == "optimizer"]
        while waiting:
            # What a number of all variables is computed from is one number for all, too.
            for name in free_names(waiting.pop()):
                if shapes.get(name) == "call":
                    shapes[name] = "optimizer"
                    waiting.append(after[name])
        states = tuple(
            FoundState(
                *(name, shapes[name], initial[name]), self.graph.substitute(after[name], constant)
            )
            for name in kept
        )
        return FoundRule(self.graph.substitute(after[param], constant), states)

    def _initial(self, fact: StateFact, others: Mapping[str, Node]) -> Node:
        """A value that a state may begin with, preferably one that explains the first step."""
        born = fact.born
        if born is not None and self._may_begin(born):
            return born
        candidates = [self.graph.number(0), self.graph.number(1)]
        # A state that each step makes anew began with a value of the first one.
        parts = [one for one in walk(self.first[fact.symbol]) if self._may_begin(one)]
        candidates += sorted(parts, key=lambda one: one.number)[:_MOST_CANDIDATES]
        return max(candidates, key=lambda one: self._explained({**others, fact.symbol: one}))

    def _explained(self, initial: Mapping[str, Node]) -> int:
        """How many values after the first step are those of any other step, from the start."""
        return sum(self._explains(symbol, initial) for symbol in self.later)

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
        waiting, seen, is_sum = [symbol], set[str](), False
        while waiting:
            name = waiting.pop()
            seen.add(name)
            inside = free_names(after[name])
            if any(one.startswith((PARAM, GRAD, SIZE)) or ":" in one for one in inside):
                return "tensor"
            is_sum |= any(part.operator == GLOBAL_SUM for part in walk(after[name]))
            waiting += [one for one in inside if one in self.facts and one not in seen]
        if is_sum:
            return "tensor" if mark(symbol) else "optimizer"
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
        values |= {
            f"{PARAM}{RULE}": draw.normal(size=ELEMENTS),
            f"{GRAD}{RULE}": draw.normal(size=ELEMENTS),
        }
        values |= {STEP: 3 + seed, f"{SIZE}{RULE}": ELEMENTS}
        for name, fact in facts.items():
            values[name] = draw.uniform(0.1, 1, size=ELEMENTS if fact.is_element else ())
        yield values
