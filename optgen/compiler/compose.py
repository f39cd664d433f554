"""Compose: Rule + features → Rule. Weaves features around an optimizer's rule, slot by slot."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter

from optgen.compiler.nouns.expression import rename
from optgen.compiler.nouns.problem import Problem, SpecError, nearest
from optgen.compiler.nouns.rule import (
    GIVEN_NAMES,
    LEARNING_RATE,
    Block,
    Hyperparameter,
    Rule,
    Step,
)
from optgen.compiler.nouns.spec import Spec, Text


@dataclass(frozen=True)
class Slots:
    """The names of the slots in the order of a step, and the one for the optimizer's own rule."""

    order: tuple[str, ...]
    own: str


def compose(rule: Rule, features: Sequence[Rule], slots: Slots) -> Rule:
    """The rule with every feature around it; ``check_features`` has no problem with them.

    Raises SpecError where the rule and a feature clash.
    """
    problems = [*_clashes([*features, rule]), *_bad_defaults(rule, features)]
    if problems:
        raise SpecError(problems)
    ordered = in_order(features, slots)
    own = slots.order.index(slots.own)
    before = [feature for feature in ordered if _slot(feature, slots) < own]
    after = [feature for feature in ordered if _slot(feature, slots) >= own]
    parts = [*before, rule, *after]
    taken = {h.name for part in parts for h in part.hyperparameters}
    taken |= {state.name for part in parts for state in part.states} | set(GIVEN_NAMES)
    blocks = []
    for part in parts:
        block = _with_own_names(part, taken)
        blocks.append(block)
        taken |= {step.target for step in (*block.steps, *block.otherwise)}
    atoms = {text: atom for part in parts for text, atom in part.atoms.items()}
    return replace(
        rule,
        hyperparameters=_arguments(rule, features),
        states=tuple(state for part in parts for state in part.states),
        blocks=tuple(blocks),
        atoms=atoms,
        digests=(*rule.digests, *(digest for part in ordered for digest in part.digests)),
    )


def unknown_defaults(spec: Spec, features: Iterable[Rule]) -> tuple[Problem, ...]:
    """Warnings for defaults of arguments that neither the spec nor a feature has."""
    known = {LEARNING_RATE, *(entry.name.value for entry in spec.hyperparameters)}
    known |= {h.name for feature in features for h in feature.hyperparameters}
    return tuple(
        Problem(
            f"the default of {name.value!r} is for an argument that doesn't exist",
            name.location,
            nearest(name.value, known) or "no feature declares it",
            "warning",
        )
        for name, _ in spec.defaults
        if name.value not in known
    )


def check_features(features: Sequence[Rule], slots: Slots) -> tuple[Problem, ...]:
    """What is wrong with features together: clashes, unknown slots, impossible orders."""
    problems = [*_clashes(features), *_bad_places(features, slots)]
    if not problems:
        try:
            in_order(features, slots)
        except CycleError as error:
            problems.append(_impossible(error, features))
    return tuple(problems)


def _impossible(error: CycleError, features: Sequence[Rule]) -> Problem:
    names = error.args[1]
    # In the order of the file names' alphabet, whichever feature the sorter met first.
    first = names.index(min(names))
    turned = [*names[first:-1], *names[:first], names[first]]
    (feature,) = (feature for feature in features if feature.name == turned[0])
    message = f"features ask for an impossible order: {' before '.join(turned)}"
    return Problem(message, feature.location, "drop one before or after")


def _bad_places(features: Sequence[Rule], slots: Slots) -> Iterator[Problem]:
    by_name = {feature.name: feature.blocks[0] for feature in features}
    for block in by_name.values():
        assert block.slot is not None
        if block.slot.value not in slots.order:
            hint = nearest(block.slot.value, slots.order) or f"slots: {', '.join(slots.order)}"
            yield Problem(f"there is no slot {block.slot.value!r:.80}", block.slot.location, hint)
        for others, is_later in ((block.before, True), (block.after, False)):
            for other in others:
                yield from _bad_neighbour(block, other, is_later, by_name, slots)


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


def in_order(features: Sequence[Rule], slots: Slots) -> tuple[Rule, ...]:
    """Features by slot, then by their before and after, then by name."""
    by_name = {feature.name: feature for feature in features}
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(sorted(by_name), ()))
    for name, feature in sorted(by_name.items()):
        block = feature.blocks[0]
        for other in block.before:
            sorter.add(other.value, name)
        sorter.add(name, *(other.value for other in block.after))
    names = _stable(sorter)
    return tuple(sorted((by_name[name] for name in names), key=lambda f: _slot(f, slots)))


def _stable(sorter: TopologicalSorter[str]) -> list[str]:
    sorter.prepare()
    names: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        names += ready
        sorter.done(*ready)
    return names


def _slot(feature: Rule, slots: Slots) -> int:
    slot = feature.blocks[0].slot
    assert slot is not None
    return slots.order.index(slot.value)


def _clashes(parts: Iterable[Rule]) -> Iterator[Problem]:
    """Names that two specs claim."""
    owners: dict[str, Rule] = {}
    for part in parts:
        declared = [(h.name, h.location) for h in part.hyperparameters]
        declared += [(state.name, state.location) for state in part.states]
        if part.blocks[0].slot is not None:
            other = owners.setdefault(f"feature {part.name}", part)
            if other is not part:
                message = f"the feature {part.name!r} is declared by {other.path} too"
                yield Problem(message, part.location, "give one of them another name")
                # All of its names clash then, which is no news.
                continue
        for name, location in declared:
            other = owners.setdefault(name, part)
            if other is not part:
                message = f"{name!r} is declared by {other.path} too"
                yield Problem(message, location, "give one of them another name")


def _bad_defaults(rule: Rule, features: Iterable[Rule]) -> Iterator[Problem]:
    declared = {h.name: h for part in (rule, *features) for h in part.hyperparameters}
    for name, value in rule.defaults:
        found = declared.get(name.value)
        if found is not None and isinstance(value, bool) != found.is_switch:
            kind = "true or false" if found.is_switch else "a number"
            yield Problem(f"the default of {name.value!r} must be {kind}", name.location)


def _with_own_names(part: Rule, taken: set[str]) -> Block:
    """The part's block, its guards complete, its local names made different from all others'."""
    block = part.blocks[0]
    declared = {h.name for h in part.hyperparameters} | {state.name for state in part.states}
    assigned = {step.target for step in (*block.steps, *block.otherwise)}
    clashing = (assigned & taken) - declared - set(GIVEN_NAMES)
    new: dict[str, str] = {}
    for name in sorted(clashing):
        new[name] = _fresh(f"{block.name}_{name}", {*taken, *assigned, *new.values()})

    def renamed(step: Step) -> Step:
        return Step(
            new.get(step.target, step.target),
            rename(step.expression, new),
            block.when & step.guard,
            step.location,
        )

    return replace(
        block,
        steps=tuple(map(renamed, block.steps)),
        otherwise=tuple(map(renamed, block.otherwise)),
    )


def _fresh(wish: str, taken: Collection[str]) -> str:
    name, count = wish, 1
    while name in taken:
        count += 1
        name = f"{wish}_{count}"
    return name


def _arguments(rule: Rule, features: Sequence[Rule]) -> tuple[Hyperparameter, ...]:
    """The arguments in the order of the signature.

    Features' come after the optimizer's own, by position, but those whose default the
    optimizer changes stand right after the learning rate.
    """
    by_position = sorted(
        features, key=lambda part: (part.position is None, part.position or 0, part.name)
    )
    own = {h.name: h for h in rule.hyperparameters}
    others = {h.name: h for part in by_position for h in part.hyperparameters}
    changed: dict[str, Hyperparameter] = {}
    for name, value in rule.defaults:
        if name.value in own:
            own[name.value] = replace(own[name.value], default=value, default_at=name.location)
        elif name.value in others:
            changed[name.value] = replace(
                others.pop(name.value), default=value, default_at=name.location
            )
    rate = own.pop(LEARNING_RATE)
    return (rate, *changed.values(), *own.values(), *others.values())
