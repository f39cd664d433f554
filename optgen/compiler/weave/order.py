"""The order of features in a step: by slot, then by ``before`` and ``after``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from optgen.compiler.ir.expression import Name, walk
from optgen.compiler.ir.problem import Problem, nearest
from optgen.compiler.ir.rule import CHANGE, Block, Rule
from optgen.compiler.ir.spec import Text
from optgen.compiler.weave.observed import bad_view


@dataclass(frozen=True)
class Slots:
    """The ordered names of the slots, and the roles of some slots.

    ``own`` is the optimizer's own rule. ``direct`` alters what it takes off the parameter.
    ``constraints`` runs for single variables between the slots. ``observe`` sees a whole update;
    its old values are those before the slot ``before``. Hyperparameters of the ``grouped`` slots
    can differ between variables.
    """

    order: tuple[str, ...]
    own: str
    direct: str
    constraints: str
    observe: str
    before: str
    grouped: tuple[str, ...]


def in_order(features: Sequence[Rule], slots: Slots) -> tuple[Rule, ...]:
    """Features sorted by slot, then by their before and after, then by name."""
    by_name = {feature.name: feature for feature in features}
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(sorted(by_name), ()))
    for name, feature in sorted(by_name.items()):
        block = feature.blocks[0]
        for other in block.before:
            sorter.add(other.value, name)
        sorter.add(name, *(other.value for other in block.after))
    names = _stable(sorter)
    return tuple(sorted((by_name[name] for name in names), key=lambda f: slot_of(f, slots)))


def _stable(sorter: TopologicalSorter[str]) -> list[str]:
    """The possible order in which each name comes as early in the alphabet as it can."""
    sorter.prepare()
    names: list[str] = []
    ready = [*sorter.get_ready()]
    while ready:
        first = min(ready)
        ready.remove(first)
        names.append(first)
        sorter.done(first)
        ready += sorter.get_ready()
    return names


def slot_of(feature: Rule, slots: Slots) -> int:
    """The index of a feature's slot."""
    slot = feature.blocks[0].slot
    assert slot is not None
    return slots.order.index(slot.value)


def without_neighbours(
    features: Iterable[Rule], may_be_missing: Callable[[str], bool]
) -> tuple[Rule, ...]:
    """The features without those in their before and after that are missing, and may be."""
    listed = tuple(features)
    known = {feature.name for feature in listed}

    def there(names: Iterable[Text]) -> tuple[Text, ...]:
        return tuple(n for n in names if n.value in known or not may_be_missing(n.value))

    return tuple(
        replace(
            feature,
            blocks=tuple(
                replace(block, before=there(block.before), after=there(block.after))
                for block in feature.blocks
            ),
        )
        for feature in listed
    )


def check_order(features: Sequence[Rule], slots: Slots) -> Iterator[Problem]:
    """Unknown slots and neighbours, and unsatisfiable orders."""
    problems = list(_bad_places(features, slots))
    yield from problems
    if not problems:
        try:
            in_order(features, slots)
        except CycleError as error:
            yield _impossible(error, features)


def _impossible(error: CycleError, features: Sequence[Rule]) -> Problem:
    names = error.args[1]
    # Rotate the cycle to begin with the alphabetically first feature.
    first = names.index(min(names))
    turned = [*names[first:-1], *names[:first], names[first]]
    blocks = {feature.name: feature.blocks[0] for feature in features}
    asked = [
        text.location
        for one, other in pairwise(turned)
        for text in (*blocks[one].before, *blocks[other].after)
        if text.value in (one, other)
    ]
    message = f"features ask for an impossible order: {' before '.join(turned)}"
    return Problem(message, asked[0], "drop one before or after")


def _bad_places(features: Sequence[Rule], slots: Slots) -> Iterator[Problem]:
    by_name = {feature.name: feature.blocks[0] for feature in features}
    for block in by_name.values():
        assert block.slot is not None
        if block.slot.value not in slots.order:
            hint = nearest(block.slot.value, slots.order) or f"slots: {', '.join(slots.order)}"
            yield Problem(f"there is no slot {block.slot.value!r:.80}", block.slot.location, hint)
        else:
            yield from _bad_reach(block, slots)
            yield from _bad_change(block, slots)
            yield from bad_view(block, slots.observe)
        for others, is_later in ((block.before, True), (block.after, False)):
            for other in others:
                yield from _bad_neighbour(block, other, is_later, by_name, slots)


def _bad_reach(block: Block, slots: Slots) -> Iterator[Problem]:
    """Steps after the constraints must run for all variables, and other steps must not."""
    assert block.slot is not None
    where = slots.order.index(block.slot.value) - slots.order.index(slots.constraints)
    if block.slot.value == slots.observe:
        where = 0
    if where > 0 and not block.every_variable:
        message = f"what runs in slot {block.slot.value!r} runs for every variable"
        yield Problem(message, block.slot.location, "add every_variable = true")
    if where <= 0 and block.every_variable:
        message = f"what runs in slot {block.slot.value!r} needs a gradient"
        hint = f"drop every_variable, or choose a slot after {slots.constraints}"
        yield Problem(message, block.slot.location, hint)


def _bad_change(block: Block, slots: Slots) -> Iterator[Problem]:
    """The first use of the change outside of its slot."""
    assert block.slot is not None
    if block.slot.value == slots.direct:
        return
    for step in (*block.steps, *block.otherwise):
        used = (p.location for p in walk(step.expression) if p == Name(CHANGE))
        location = next(used, step.location if step.target == CHANGE else None)
        if location is not None:
            message = f"{CHANGE!r} belongs to slot {slots.direct!r}"
            hint = "move the feature there, or give the value another name"
            yield Problem(message, location, hint)
            return


def _bad_neighbour(
    block: Block, other: Text, is_later: bool, by_name: Mapping[str, Block], slots: Slots
) -> Iterator[Problem]:
    found = by_name.get(other.value)
    if found is None:
        hint = nearest(other.value, by_name)
        yield Problem(f"there is no feature {other.value!r:.80}", other.location, hint)
        return
    own, its = (str(one.slot) for one in (block, found))
    if {own, its} <= set(slots.order) and own != its:
        comes_later = slots.order.index(own) < slots.order.index(its)
        if comes_later != is_later:
            order = "before" if is_later else "after"
            message = f"{block.name!r} can't be {order} {other.value!r}, which is in slot {its!r}"
            hint = f"a step runs the slots in this order: {', '.join(slots.order)}"
            yield Problem(message, other.location, hint)
