"""Compose: Rule + features → Rule. Weaves features around an optimizer's rule, slot by slot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


@dataclass(frozen=True)
class Slots:
    """The names of the slots in the order of a step, and the one for the optimizer's own rule."""

    order: tuple[str, ...]
    own: str


def compose(rule: Rule, features: Sequence[Rule], slots: Slots) -> Rule:
    """The rule with every feature around it. Raises SpecError where specs clash."""
    _refuse_clashes(rule, features)
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


def unknown_defaults(rule: Rule, features: Iterable[Rule]) -> tuple[Problem, ...]:
    """Warnings for defaults of arguments that neither the rule nor a feature has."""
    known = {h.name for part in (rule, *features) for h in part.hyperparameters}
    return tuple(
        Problem(
            f"the default of {name.value!r} is for an argument that doesn't exist",
            name.location,
            nearest(name.value, known) or "no feature declares it",
            "warning",
        )
        for name, _ in rule.defaults
        if name.value not in known
    )


def in_order(features: Sequence[Rule], slots: Slots) -> tuple[Rule, ...]:
    """Features by slot, then by their before and after, then by name."""
    by_name = {feature.blocks[0].name: feature for feature in features}
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(sorted(by_name), ()))
    for name, feature in sorted(by_name.items()):
        block = feature.blocks[0]
        assert block.slot is not None
        if block.slot.value not in slots.order:
            hint = nearest(block.slot.value, slots.order) or f"slots: {', '.join(slots.order)}"
            message = f"there is no slot {block.slot.value!r}"
            raise SpecError([Problem(message, block.slot.location, hint)])
        for other in (*block.before, *block.after):
            if other.value not in by_name:
                message = f"there is no feature {other.value!r}"
                raise SpecError([Problem(message, other.location, nearest(other.value, by_name))])
        for other in block.before:
            sorter.add(other.value, name)
        sorter.add(name, *(other.value for other in block.after))
    try:
        names = _stable(sorter)
    except CycleError as error:
        cycle = " before ".join(error.args[1])
        first = by_name[error.args[1][0]]
        message = f"features ask for an impossible order: {cycle}"
        raise SpecError([Problem(message, first.location)]) from error
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


def _refuse_clashes(rule: Rule, features: Iterable[Rule]) -> None:
    owners: dict[str, Rule] = {}
    problems = []
    for part in (*features, rule):
        declared = [(h.name, h.location) for h in part.hyperparameters]
        declared += [(state.name, state.location) for state in part.states]
        if part.blocks[0].slot is not None:
            declared.append((f"feature {part.name}", part.location))
        for name, location in declared:
            other = owners.setdefault(name, part)
            if other is not part:
                message = f"{name!r} is declared by {other.path} too"
                problems.append(Problem(message, location, "give one of them another name"))
    if problems:
        raise SpecError(problems)


def _with_own_names(part: Rule, taken: set[str]) -> Block:
    """The part's block, its guards complete, its local names made different from all others'."""
    block = part.blocks[0]
    declared = {h.name for h in part.hyperparameters} | {state.name for state in part.states}
    assigned = {step.target for step in (*block.steps, *block.otherwise)}
    clashing = (assigned & taken) - declared - set(GIVEN_NAMES)
    new = {name: f"{block.name}_{name}" for name in clashing}

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
            own[name.value] = replace(own[name.value], default=value)
        elif name.value in others:
            changed[name.value] = replace(others.pop(name.value), default=value)
    rate = own.pop(LEARNING_RATE)
    return (rate, *changed.values(), *own.values(), *others.values())
