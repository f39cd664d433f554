"""Schedule: the pass that computes each reduction, and the phase of each scalar.

A reduction runs as late as its uses allow. Reductions that depend on others only in some settings
then share a pass with those that never do, and passes that nothing needs in a setting are skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.extent import ARRAYS, Extent
from optgen.compiler.ir.plan import (
    RESULTS,
    Assignment,
    Hold,
    Item,
    MatrixCall,
    Reduction,
    expression_of,
)
from optgen.compiler.plan.slices import Slice

Slicer = Callable[[Sequence[Item], Mapping[str, Condition]], Slice]


class Schedule:
    """The phases of the items of a program; phase 0 precedes the first pass."""

    def __init__(
        self, items: Sequence[Item], stored: Mapping[str, Condition], slicer: Slicer, first: str
    ) -> None:
        """``stored`` are the buffers that the program stores; ``first`` runs in the first pass."""
        self._items, self._slicer, self._first = items, slicer, first
        self._of: dict[str, int] = {}
        self._elements = [item for item in items if is_of_elements(item)]
        self._uses = {one.target: self._used_by(one) for one in self._reductions()}
        self._soonest()
        needed = {
            name for item in slicer(self._assignments(), stored).items for name in _used(item)
        }
        last = 1 + self._depth(needed)
        #: The number of passes.
        self.passes = max([last, *(self._of[one.target] for one in self._reductions())])
        self._latest(needed)

    def of(self, name: str) -> int:
        """The phase after whose pass a number, a vector or a reduction is known."""
        return self._of.get(name, 0)

    def reductions(self, number: int) -> list[Reduction | Hold]:
        """The results of a pass."""
        return [one for one in self._reductions() if self._of[one.target] == number]

    def scalars(self, number: int) -> list[Item]:
        """The numbers and vectors of a phase, in order."""
        return [i for i in self._items if not is_of_elements(i) and self.of(i.target) == number]

    def _reductions(self) -> list[Reduction | Hold]:
        return [item for item in self._elements if isinstance(item, RESULTS)]

    def _assignments(self) -> list[Item]:
        return [item for item in self._elements if isinstance(item, Assignment)]

    def _used_by(self, reduction: Reduction | Hold) -> set[str]:
        before = [*self._assignments_before(reduction), reduction]
        return {name for item in self._slicer(before, {}).items for name in _used(item)}

    def _assignments_before(self, reduction: Reduction | Hold) -> list[Item]:
        place = self._elements.index(reduction)
        return [item for item in self._elements[:place] if isinstance(item, Assignment)]

    def _depth(self, used: set[str]) -> int:
        return max((self.of(name) for name in used), default=0)

    def _soonest(self) -> None:
        for item in self._items:
            if item.target in self._uses and isinstance(item, RESULTS):
                self._of[item.target] = 1 + self._depth(self._uses[item.target])
            elif not is_of_elements(item):
                found = self._depth(set(_used(item)))
                self._of[item.target] = max(self.of(item.target), found)

    def _latest(self, needed: set[str]) -> None:
        latest = dict.fromkeys(self._uses, self.passes)
        self._bound(latest, needed, self.passes)
        for one in reversed(self._reductions()):
            if one.target == self._first:
                latest[one.target] = 1
            self._bound(latest, self._uses[one.target], latest[one.target])
        self._of = dict(latest)
        for item in self._items:
            if item.target not in latest and not is_of_elements(item):
                found = self._depth(set(_used(item)))
                self._of[item.target] = max(self.of(item.target), found)

    def _bound(self, latest: dict[str, int], used: set[str], reader: int) -> None:
        """Reductions that a pass needs run before it."""
        for name in self._roots(used):
            latest[name] = min(latest[name], reader - 1)

    def _roots(self, used: set[str]) -> set[str]:
        """The reductions of passes that some names depend on."""
        waiting, seen, found = list(used), set(used), set()
        while waiting:
            name = waiting.pop()
            if name in self._uses:
                found.add(name)
                continue
            for item in self._items:
                if item.target == name and not is_of_elements(item):
                    waiting += set(_used(item)) - seen
                    seen |= set(_used(item))
        return found


def is_of_elements(item: Item) -> bool:
    """Whether a pass over elements of matrices computes an item."""
    return not isinstance(item, MatrixCall) and domain(item) in ARRAYS


def domain(item: Item) -> Extent:
    """The extent of the values that an item is computed for."""
    return item.source if isinstance(item, Reduction) else item.extent


def _used(item: Item) -> tuple[str, ...]:
    return names(expression_of(item))
