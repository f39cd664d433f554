"""Weave: Rule + features → Rule. Weaves features around an optimizer's rule, slot by slot."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from optgen.compiler.ir.condition import ALWAYS
from optgen.compiler.ir.expression import Name, Operation, rename
from optgen.compiler.ir.problem import Location, Problem, SpecError
from optgen.compiler.ir.randomness import MOST_DRAWS, redrawn
from optgen.compiler.ir.rule import (
    GIVEN_NAMES,
    GRAD,
    LEARNING_RATE,
    PARAM,
    Block,
    Hyperparameter,
    Rule,
    Step,
)
from optgen.compiler.weave.clashes import (
    bad_defaults,
    clashes,
    unknown_defaults,
)
from optgen.compiler.weave.order import Slots, check_order, in_order, slot_of

__all__ = ["Slots", "around_the_plainest", "check_features", "unknown_defaults", "weave"]


def weave(rule: Rule, features: Sequence[Rule], slots: Slots) -> Rule:
    """The rule with all features applied; ``check_features`` must report no problem.

    Raises SpecError if the rule and a feature clash.
    """
    problems = [*clashes([*features, rule]), *bad_defaults(rule, features)]
    if problems:
        raise SpecError(problems)
    ordered = in_order(features, slots)
    own = slots.order.index(slots.own)
    before = [feature for feature in ordered if slot_of(feature, slots) < own]
    after = [feature for feature in ordered if slot_of(feature, slots) >= own]
    parts = [*before, rule, *after]
    grouped = [_grouped(part, slots) for part in features]
    taken = {h.name for part in parts for h in part.hyperparameters}
    taken |= {state.name for part in parts for state in part.states} | set(GIVEN_NAMES)
    taken |= {given.name for part in parts for given in part.inputs}
    blocks = []
    for place, part in enumerate(parts):
        block = _with_own_names(part, taken, place)
        blocks.append(block)
        taken |= {step.target for step in (*block.steps, *block.otherwise)}
    atoms = {text: atom for part in parts for text, atom in part.atoms.items()}
    return replace(
        rule,
        hyperparameters=_arguments(_grouped(rule, slots), grouped),
        states=tuple(state for part in parts for state in part.states),
        blocks=tuple(blocks),
        atoms=atoms,
        inputs=tuple(given for part in parts for given in part.inputs),
        digests=(*rule.digests, *(digest for part in ordered for digest in part.digests)),
    )


def around_the_plainest(features: Sequence[Rule], slots: Slots) -> Rule:
    """The features applied to a minimal rule."""
    here = Location("", 1)
    rate = Hyperparameter(LEARNING_RATE, 0.0, here)
    descent = Operation("-", (Name(PARAM, here), Name(GRAD, here)), here)
    plainest = Block("plainest", "", (Step(PARAM, descent, ALWAYS, here),))
    return weave(
        Rule("Features", "features", "", here, (rate,), (), (plainest,), {}), features, slots
    )


def check_features(features: Sequence[Rule], slots: Slots) -> tuple[Problem, ...]:
    """Problems of a set of features: clashes, unknown slots, unsatisfiable orders."""
    return (*clashes(features), *check_order(features, slots))


def _grouped(part: Rule, slots: Slots) -> Rule:
    """Mark the hyperparameters that can differ between groups of variables."""
    slot = part.blocks[0].slot
    if (slots.own if slot is None else slot.value) not in slots.grouped:
        return part
    marked = tuple(replace(h, grouped=True) for h in part.hyperparameters)
    return replace(part, hyperparameters=marked)


def _with_own_names(part: Rule, taken: set[str], place: int) -> Block:
    """The block of a part, with complete guards, unique local names and random numbers."""
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
            redrawn(rename(step.expression, new), MOST_DRAWS * place),
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

    Arguments of features come after the optimizer's own, by position. Those whose default the
    optimizer changes come directly after the learning rate. Those without a position are
    keyword-only.
    """
    by_position = sorted(
        features, key=lambda part: (part.position is None, part.position or 0, part.name)
    )
    own = {h.name: h for h in rule.hyperparameters}
    others = {
        h.name: replace(h, after_name=part.position is None)
        for part in by_position
        for h in part.hyperparameters
    }
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
