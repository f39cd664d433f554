"""Program slices: the steps and loads that the stores and sums of a pass depend on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from optgen.compiler.ir.condition import NEVER, Condition
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.plan import RESULTS, Access, Hold, Item, expression_of


@dataclass(frozen=True)
class Slice:
    """The items that remain after liveness analysis, and the buffers to load before them."""

    loads: tuple[Access, ...]
    items: tuple[Item, ...]
    #: The places of the items among those that the slice was made from.
    places: tuple[int, ...]


def backward(
    items: Sequence[Item],
    needs: Mapping[str, Condition],
    runs: Condition,
    possible: Callable[[Condition], Condition],
    buffers: Sequence[str],
) -> Slice:
    """Keep the items that ``needs`` (names with guards) depends on; results always remain.

    ``runs`` is the guard of the whole pass: conditions that it implies are dropped.
    """
    needed = dict(needs)
    kept: list[Item] = []
    places: list[int] = []
    for place, item in reversed([*enumerate(items)]):
        if isinstance(item, RESULTS):
            guard = item.guard
            if not guard.cases:
                continue
            if isinstance(item, Hold):
                needed[item.target] = needed.get(item.target, NEVER) & ~guard
        else:
            wanted = needed.get(item.target, NEVER)
            guard = possible(wanted & item.guard & runs)
            if not guard.cases:
                continue
            if (item.guard & runs).implies(wanted):
                guard = item.guard
            needed[item.target] = possible(wanted & ~item.guard)
        kept.append(_narrow(item, guard, runs))
        places.append(place)
        for name in names(expression_of(item)):
            needed[name] = needed.get(name, NEVER) | (guard & runs)
    loads = (
        Access(buffer, relative(needed[buffer], runs))
        for buffer in buffers
        if needed.get(buffer, NEVER).cases
    )
    return Slice(tuple(loads), tuple(reversed(kept)), tuple(reversed(places)))


def relative(condition: Condition, runs: Condition) -> Condition:
    """The condition, simplified under the assumption that ``runs`` holds."""
    asked = [
        tuple(literal for literal in case if literal[0] not in runs.atoms)
        for case in condition.cases
    ]
    less = NEVER
    for case in asked:
        less |= Condition((case,))
    if (less & runs).implies(condition):
        return less
    return condition.given(runs.cases[0]) if len(runs.cases) == 1 else condition


def _narrow(item: Item, guard: Condition, runs: Condition) -> Item:
    guard = relative(guard, runs)
    return replace(item, guard=guard)
