"""Phases: the passes of a program with their loads and stores, and the scalars between them.

A pass stores an array as soon as it computes its final value anyway, if later passes then load
less; else the last pass does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from optgen.compiler.ir.condition import ALWAYS, NEVER, Condition
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.extent import ARRAYS, VECTORS, Extent
from optgen.compiler.ir.plan import (
    Access,
    Assignment,
    ElementPass,
    Hold,
    Item,
    MatrixCall,
    Phase,
    Reduction,
    Scalars,
    expression_of,
)
from optgen.compiler.ir.reserved import NONFINITE
from optgen.compiler.plan.passes import Passes
from optgen.compiler.plan.schedule import Schedule, domain, is_of_elements
from optgen.compiler.plan.slices import Slice, relative

Slicer = Callable[[Sequence[Item], Mapping[str, Condition], Condition], Slice]
Needs = Mapping[str, Condition]


class Phases:
    """The phases of one program."""

    def __init__(self, passes: Passes, stored: Needs, runs: Condition, slicer: Slicer) -> None:
        """``stored`` says where each buffer has a value to store, ``runs`` where it runs."""
        self._items, self._extent = passes.items, passes.extent
        self._stored, self._runs, self._slicer = dict(stored), runs, slicer
        self._schedule = Schedule(
            passes.items, stored, lambda items, needs: slicer(items, needs, ALWAYS), NONFINITE
        )
        #: Items of passes over elements; those whose results are stored already are left out.
        self._elements = [item for item in self._items if is_of_elements(item)]
        #: Names and extents of the vectors that stages hand on.
        self.vectors = {
            item.target: self._extent(item.target)
            for item in self._items
            if not isinstance(item, Assignment) or not is_of_elements(item)
            if self._extent(item.target) in VECTORS
        }

    def all(self) -> Iterator[Phase]:
        """The phases, in order."""
        before = self._scalars(self._schedule.scalars(0))
        if before.shared or before.scalars:
            yield before
        for number in range(1, self._schedule.passes + 1):
            yield from self._phase(number)

    def _phase(self, number: int) -> Iterator[Phase]:
        """The passes of a number, each with what its results allow to be computed."""
        waiting = self._schedule.scalars(number)
        passes = [*self._passes(number)]
        missing = {name for stage in passes for name in _made_by(stage)}
        for stage in passes:
            missing -= {*_made_by(stage)}
            ready: list[Item] = []
            left: list[Item] = []
            for item in waiting:
                late = missing | {one.target for one in left}
                is_ready = stage is passes[-1] or not late & {*names(expression_of(item))}
                (ready if is_ready else left).append(item)
            waiting = left
            yield replace(self._scalars(ready), elements=stage)

    def _passes(self, number: int) -> Iterator[ElementPass]:
        """The passes of a number, over squares and then over elements; there is at least one.

        What only reads comes before what keeps matrices, unless others store states early: sums
        over all variables, and the check of gradients, are due before there are scratch matrices.
        """
        is_last, stores_early = number == self._schedule.passes, False
        found: list[ElementPass] = []
        for over in ARRAYS:
            results = self._results(number, over)
            guard = self._guard(results, over, is_last=is_last)
            needs = self._needed(guard, over) if is_last else self._early(number, guard, over)
            check = [one for one in results if one.target == NONFINITE]
            if check and needs:
                # Nothing may be stored before the gradient is known to be finite.
                found.append(self._pass(check, {}, check[0].guard & self._runs, over))
                results = [one for one in results if one.target != NONFINITE]
                guard = self._guard(results, over, is_last=is_last)
            is_own = over is Extent.ELEMENT and (is_last or not found)
            if is_own or guard.cases:
                found.append(self._pass(results, needs, guard, over))
            if not is_last:
                self._leave_out(needs, guard)
                stores_early |= bool(needs)
        if not (is_last or stores_early):
            found.sort(key=lambda one: bool(one.stores))
        yield from found

    def _guard(
        self, results: Sequence[Reduction | Hold], over: Extent, *, is_last: bool
    ) -> Condition:
        """Where a pass runs: the last one over elements always."""
        if is_last and over is Extent.ELEMENT:
            return self._runs
        guard = _any_of(results)
        if is_last:
            for when in self._needed(self._runs, over).values():
                guard |= when
        return guard & self._runs

    def _results(self, number: int, over: Extent) -> list[Reduction | Hold]:
        return [one for one in self._schedule.reductions(number) if domain(one) is over]

    def _pass(
        self,
        reductions: Collection[Reduction | Hold],
        needs: Needs,
        guard: Condition,
        over: Extent,
    ) -> ElementPass:
        found = self._slicer(self._with(reductions), needs, guard)
        holds = {item.target: item.guard for item in found.items if isinstance(item, Hold)}
        stores = [
            Access(buffer, relative(when, guard)) for buffer, when in needs.items() if when.cases
        ]
        stores += [Access(name, relative(when, guard)) for name, when in holds.items()]
        used = {name for item in found.items for name in (item.target, *names(expression_of(item)))}
        is_axial = any(self._extent(name) in VECTORS for name in used)
        body = tuple(map(_computed, found.items))
        return ElementPass(guard, found.loads, body, tuple(stores), is_axial, over)

    def _scalars(self, items: Sequence[Item]) -> Phase:
        calls = [item for item in items if isinstance(item, MatrixCall)]
        items = [item for item in items if not isinstance(item, MatrixCall)]
        shared = [item for item in items if self._extent(item.target) is Extent.OPTIMIZER]
        others = [item for item in items if item not in shared]
        return Phase(
            None,
            Scalars(Extent.OPTIMIZER, tuple(shared)) if shared else None,
            Scalars(Extent.TENSOR, tuple(others)) if others else None,
            tuple(calls),
        )

    def _with(self, reductions: Collection[Reduction | Hold]) -> list[Item]:
        """The items of elements, with some of the reductions only."""
        return _with(self._elements, reductions)

    def _needed(self, guard: Condition, over: Extent) -> dict[str, Condition]:
        return {
            name: when
            for name, when in self._stored.items()
            if (when & guard).cases and self._extent(name) is over
        }

    def _early(self, number: int, guard: Condition, over: Extent) -> dict[str, Condition]:
        """The buffers that a pass before the last one stores, each with its condition."""
        results = self._results(number, over)
        plain = self._slicer(self._with(results), {}, guard)
        chosen = {
            name: when & guard
            for name, when in self._needed(guard, over).items()
            if self._is_at_hand({name: when}, number, guard, results, plain)
        }
        while chosen and (bad := self._still_read(chosen, number, guard)):
            chosen = {name: when for name, when in chosen.items() if name not in bad}
        if not chosen or not self._saves(chosen, number, guard):
            return {}
        return chosen

    def _is_at_hand(
        self,
        need: Needs,
        number: int,
        guard: Condition,
        results: Collection[Reduction | Hold],
        plain: Slice,
    ) -> bool:
        """Whether a pass can compute the final value of a buffer without a further load."""
        found = self._slicer(self._with(results), need, guard)
        used = {name for item in found.items for name in names(expression_of(item))}
        is_known = all(self._schedule.of(one) < number for one in used)
        return is_known and found.loads == plain.loads

    def _later(self, number: int, items: Sequence[Item]) -> Iterator[Slice]:
        """The slices of later passes, from some items."""
        for later in range(number + 1, self._schedule.passes + 1):
            reductions = self._schedule.reductions(later)
            needs = self._stored if later == self._schedule.passes else {}
            yield self._slicer(_with(items, reductions), needs, self._runs)

    def _still_read(self, chosen: Needs, number: int, guard: Condition) -> set[str]:
        """The buffers whose old values later passes need."""
        left = _without(self._elements, chosen, guard)
        bad: set[str] = set()
        for name in chosen:
            last = max(k for k, item in enumerate(self._elements) if item.target == name)
            for found in self._later(number, left):
                early = (left[place] for place in found.places if place < last)
                if any(name in names(expression_of(item)) for item in early):
                    bad.add(name)
        return bad

    def _saves(self, chosen: Needs, number: int, guard: Condition) -> bool:
        """Whether later passes load fewer arrays once some buffers are stored."""
        less = _without(self._elements, chosen, guard)
        before, after = (
            sum(len(found.loads) for found in self._later(number, items))
            for items in (self._elements, less)
        )
        return after < before

    def _leave_out(self, stored: Needs, guard: Condition) -> None:
        """Take what a pass stored out of later ones."""
        self._elements = _without(self._elements, stored, guard)
        for name in stored:
            self._stored[name] = self._stored[name] & ~guard


def _made_by(stage: ElementPass) -> Iterator[str]:
    """The names of what a pass leaves: results of reductions, and arrays."""
    yield from (one.target for one in stage.reductions)
    yield from (one.buffer for one in stage.stores)


def _without(items: Sequence[Item], stored: Needs, guard: Condition) -> list[Item]:
    """The items without the assignments of stored buffers, where these are stored."""
    return [
        replace(item, guard=item.guard & ~guard)
        if isinstance(item, Assignment) and item.target in stored
        else item
        for item in items
    ]


def _computed(item: Item) -> Item:
    """What keeps a value is an assignment, and a store at the end."""
    if not isinstance(item, Hold):
        return item
    return Assignment(item.target, item.term, item.guard, item.block, extent=item.extent)


def _with(items: Sequence[Item], reductions: Collection[Reduction | Hold]) -> list[Item]:
    """The items, of which results are switched off unless they are given."""
    return [
        item if isinstance(item, Assignment) or item in reductions else replace(item, guard=NEVER)
        for item in items
    ]


def _any_of(reductions: Sequence[Reduction | Hold]) -> Condition:
    guard = NEVER
    for reduction in reductions:
        guard |= reduction.guard
    return guard
