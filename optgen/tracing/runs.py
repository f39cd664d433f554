"""Traced runs: the first step as it is, and any later one, whose states are symbols."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from optgen.compiler.ir.problem import Location
from optgen.tracing.arguments import Arguments
from optgen.tracing.graph import Graph, Node, names_of
from optgen.tracing.mathematics import recording_functions
from optgen.tracing.places import here
from optgen.tracing.rehearsal import Identity, Rehearsal, gradients, variables, varied
from optgen.tracing.scalars import Recorded
from optgen.tracing.states import Slot, slots_of
from optgen.tracing.tensors import Recording
from optgen.tracing.together import SIZE
from optgen.tracing.trace import Cell, Decision, Trace
from optgen.tracing.unfollowed import UnfollowedError

#: The names of predefined values; those of elements have a colon, as has_elements expects.
STEP, PARAM, GRAD = "step", "param:", "grad:"
MOST_PATHS = 64


@dataclass(frozen=True)
class StateFact:
    """What is known of a place that holds a state."""

    identity: Identity
    #: The symbol of its value before a step.
    symbol: str
    is_element: bool
    #: The value with which it was made; None for numbers of Python.
    born: Node | None


@dataclass(frozen=True)
class Run:
    """The values after a step, along one path."""

    decisions: tuple[Decision, ...]
    #: The parameters and states after the step, by their symbols.
    after: Mapping[str, Node]


@dataclass
class Subject:
    """An optimizer that is traced, with all that its runs have in common."""

    owner: type
    arguments: Arguments
    rehearsal: Rehearsal
    graph: Graph = field(default_factory=Graph)
    changing: set[Identity] = field(default_factory=set)
    facts: dict[str, StateFact] = field(default_factory=dict)
    local_names: dict[Node, str] = field(default_factory=dict)
    places: dict[Node, Location] = field(default_factory=dict)
    #: How conditions of hyperparameters went; and those of later steps alone.
    assumptions: dict[Node, Decision] = field(default_factory=dict)
    assumptions_of_steps: dict[Node, Decision] = field(default_factory=dict)
    lost: dict[Node, tuple[str, Location]] = field(default_factory=dict)
    #: Where values are rounded to fewer digits than float64 has.
    narrow: list[Location] = field(default_factory=list)

    @property
    def fixed(self) -> frozenset[str]:
        """The names of all hyperparameters."""
        return frozenset(self.arguments.defaults)

    def trace(self, forced: tuple[bool, ...] = (), **more: Any) -> Trace:
        """A trace along a path."""
        return Trace(self.graph, self.fixed, forced, **more)

    def first(self, forced: tuple[bool, ...]) -> Run:
        """The first step."""
        trace = self.trace(forced)
        optimizer, held = self._stepped(trace)
        for slot in slots_of(optimizer, held):
            if self._is_state(slot, trace):
                self._learn(slot, trace, held)
        return self._finished(trace, optimizer, held)

    def find_changing(self) -> None:
        """Find numbers that depend on what they were, though their values may stay the same."""
        trace = self.trace()
        optimizer, held = self._stepped(trace)
        before = {one.identity: one.value for one in slots_of(optimizer, held)}
        nodes = {key: one.node for key, one in before.items() if isinstance(one, Recorded)}
        self._step(trace, optimizer, held, 1)
        after = {one.identity: one.value for one in slots_of(optimizer, held)}
        for key, node in nodes.items():
            value = after.get(key)
            if not isinstance(value, Recorded) or value.node is not node:
                self.changing.add(key)

    def later(self, forced: tuple[bool, ...], variation: int = 0) -> Run:
        """Any later step, with symbols for states and for the number of the step.

        A variation has other values of everything, which go the same way.
        """
        decided = {node: one.outcome for node, one in self.assumptions.items()}
        trace = self.trace(overruled=decided if variation else {})
        optimizer, held = self._stepped(trace, variation)
        self.assumptions |= trace.assumptions
        trace.restart(forced)
        for slot in slots_of(optimizer, held):
            self._rename(slot, trace)
        self._step(trace, optimizer, held, 1 + 2 * variation)
        self.assumptions_of_steps |= trace.assumptions
        return self._finished(trace, optimizer, held)

    def built(self, trace: Trace, variation: int = 0) -> tuple[Any, list[torch.Tensor]]:
        """An optimizer of recorded hyperparameters."""
        held = variables(variation)
        values = {
            name: trace.scalar(varied(value, variation, 16), self.graph.name(name))
            for name, value in self.arguments.defaults.items()
        }
        with self._recording(trace, held):
            for number, variable in enumerate(held):
                trace.keep(variable, Cell(self.graph.name(f"{PARAM}{number}")))
            return self.owner(held, **self.arguments.with_numbers(values)), held

    def _stepped(self, trace: Trace, variation: int = 0) -> tuple[Any, list[torch.Tensor]]:
        optimizer, held = self.built(trace, variation)
        for step in range(1 + variation):
            self._step(trace, optimizer, held, step + variation)
        return optimizer, held

    def _step(self, trace: Trace, optimizer: Any, held: list[torch.Tensor], seed: int) -> None:
        for number, (variable, gradient) in enumerate(zip(held, gradients(seed), strict=True)):
            variable.grad = gradient
            trace.keep(variable, Cell(self.graph.name(f"{PARAM}{number}")))
            trace.keep(gradient, Cell(self.graph.name(f"{GRAD}{number}")))
        with self._recording(trace, held):
            optimizer.step()
        trace.look_at_names()

    @contextmanager
    def _recording(self, trace: Trace, held: list[torch.Tensor]) -> Iterator[None]:
        sizes = {one.numel(): f"{SIZE}{number}" for number, one in enumerate(held)}
        with recording_functions(self.owner), Recording(trace, sizes):
            yield

    def _is_state(self, slot: Slot, trace: Trace) -> bool:
        if slot.identity in self.rehearsal.counters:
            return False
        value = slot.value
        if isinstance(value, torch.Tensor) and trace.cell_of(value) is None:
            return False
        if isinstance(value, torch.Tensor) and value.numel() > 1:
            return True
        node = trace.node_of(value)
        kept = all(name in self.fixed for name in names_of(node))
        return slot.identity in self.rehearsal.changing | self.changing or not kept

    def _learn(self, slot: Slot, trace: Trace, held: list[torch.Tensor]) -> None:
        value = slot.value
        is_element = isinstance(value, torch.Tensor) and value.numel() > 1
        if is_element and (slot.variable is None or value.shape != held[slot.variable].shape):
            raise UnfollowedError(
                f"the state {slot.name} has another shape than the parameter",
                Location(self.owner.__name__, 0),
                "states of rows, of columns and of other shapes aren't followed",
            )
        cell = trace.cell_of(value) if isinstance(value, torch.Tensor) else None
        mark = "" if slot.variable is None else f"{':' if is_element else '@'}{slot.variable}"
        symbol = f"state.{slot.name}{mark}"
        self.facts[symbol] = StateFact(
            slot.identity, symbol, is_element, cell.born if cell else None
        )

    def _rename(self, slot: Slot, trace: Trace) -> None:
        """Give a counter, or a state, the symbol of its value."""
        offset = self.rehearsal.counters.get(slot.identity)
        if offset is not None:
            made = self.graph.subtract(self.graph.name(STEP), self.graph.number(1))
            self._put(slot, trace, self.graph.add(made, self.graph.number(offset)))
            return
        fact = next((one for one in self.facts.values() if one.identity == slot.identity), None)
        if fact is not None:
            self._put(slot, trace, self.graph.name(fact.symbol))

    def _put(self, slot: Slot, trace: Trace, node: Node) -> None:
        value = slot.value
        if isinstance(value, torch.Tensor):
            cell = trace.cell_of(value)
            if cell is None:
                trace.keep(value, Cell(node))
            else:
                cell.node = node
        else:
            slot.put(trace.scalar(value.plain if isinstance(value, Recorded) else value, node))

    def _finished(self, trace: Trace, optimizer: Any, held: list[torch.Tensor]) -> Run:
        after = {f"{PARAM}{k}": trace.held(one) for k, one in enumerate(held)}
        slots = {slot.identity: slot for slot in slots_of(optimizer, held)}
        for fact in self.facts.values():
            if fact.identity in slots:
                after[fact.symbol] = trace.node_of(slots[fact.identity].value)
            else:
                after[fact.symbol] = self.graph.name(fact.symbol)
        self.local_names = trace.local_names | self.local_names
        self.places = trace.places | self.places
        self.assumptions |= trace.assumptions
        self.lost |= trace.lost
        self.narrow = self.narrow or trace.narrow
        return Run(tuple(trace.decisions), after)


def all_paths(run: Callable[[tuple[bool, ...]], Run]) -> list[Run]:
    """Runs along all paths; those that end in an error of the code are impossible."""
    found: list[Run] = []
    waiting: list[tuple[bool, ...]] = [()]
    while waiting:
        forced = waiting.pop()
        try:
            done = run(forced)
        except UnfollowedError:
            raise
        except Exception as error:
            if not forced:
                raise UnfollowedError(f"{type(error).__name__}: {error}", here()) from error
            continue
        found.append(done)
        if len(found) > MOST_PATHS:
            raise UnfollowedError("the step has too many paths", done.decisions[-1].place)
        outcomes = tuple(one.outcome for one in done.decisions)
        for place in range(len(forced), len(outcomes)):
            waiting.append((*outcomes[:place], not outcomes[place]))
    return found


def merged(graph: Graph, runs: list[Run], depth: int = 0) -> Mapping[str, Node]:
    """The values after a step on any path, as choices by its conditions."""
    if len(runs) == 1 and len(runs[0].decisions) <= depth:
        return runs[0].after
    condition = runs[0].decisions[depth].condition
    sides = [
        [run for run in runs if run.decisions[depth].outcome is side] for side in (True, False)
    ]
    if not all(sides):
        return merged(graph, sides[0] or sides[1], depth + 1)
    one, other = (merged(graph, side, depth + 1) for side in sides)
    return {
        name: graph.choice(condition, one[name], other.get(name, graph.name(name))) for name in one
    }
