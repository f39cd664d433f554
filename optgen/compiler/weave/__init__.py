"""Weave: Rule + features → Rule. Weaves features around an optimizer's rule, slot by slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from optgen.compiler.ir.condition import ALWAYS
from optgen.compiler.ir.expression import Name
from optgen.compiler.ir.problem import Location, Problem, SpecError
from optgen.compiler.ir.rule import (
    CHANGE,
    CHANGED,
    GIVEN_NAMES,
    GRAD,
    LEARNING_RATE,
    PARAM,
    Block,
    Hyperparameter,
    Rule,
    Step,
)
from optgen.compiler.weave.change import in_slots
from optgen.compiler.weave.clashes import (
    bad_defaults,
    clashes,
    unknown_defaults,
)
from optgen.compiler.weave.local_names import with_own_names
from optgen.compiler.weave.observed import with_observed
from optgen.compiler.weave.order import Slots, check_order, in_order, without_neighbours
from optgen.compiler.weave.rates import check_rates, with_rates
from optgen.compiler.weave.replaced import check_replaced, not_replaced, unknown_replaced
from optgen.compiler.weave.views import check_views, view_of

__all__ = [
    "Slots",
    "around_the_plainest",
    "check_features",
    "unknown_defaults",
    "unknown_replaced",
    "weave",
    "without_neighbours",
]


def weave(rule: Rule, features: Sequence[Rule], slots: Slots) -> Rule:
    """The rule with all features applied; ``check_features`` must report no problem.

    Raises SpecError if the rule and a feature clash.
    """
    woven = not_replaced(features, rule)
    problems = [*check_replaced(rule, features)] or [*clashes([*woven, rule])]
    problems += bad_defaults(rule, features)
    problems += check_views(rule, woven)
    problems += check_rates(rule, woven)
    if problems:
        raise SpecError(problems)
    ordered = with_rates(not_replaced(in_order(features, slots), rule), rule)
    parts = in_slots(rule, ordered, slots)
    grouped = [_grouped(part, slots) for part in features]
    taken = {h.name for part in parts for h in part.hyperparameters}
    taken |= {state.name for part in parts for state in part.states} | set(GIVEN_NAMES)
    taken |= {given.name for part in parts for given in part.inputs}
    blocks = []
    for place, part in enumerate(parts):
        block = with_own_names(part, taken, place)
        blocks.append(block)
        taken |= {step.target for step in block.every_step}
    atoms = {text: atom for part in parts for text, atom in part.atoms.items()}
    return replace(
        rule,
        hyperparameters=_arguments(_grouped(rule, slots), grouped),
        states=tuple(state for part in parts for state in part.states),
        blocks=with_observed(blocks, slots.observe, slots.order[: slots.order.index(slots.before)]),
        atoms=atoms,
        view=view_of(rule, ordered),
        inputs=tuple(given for part in parts for given in part.inputs),
        digests=(*rule.digests, *(digest for part in ordered for digest in part.digests)),
    )


def around_the_plainest(features: Sequence[Rule], slots: Slots) -> Rule:
    """The features applied to a minimal rule."""
    here = Location("", 1)
    rate = Hyperparameter(LEARNING_RATE, 0.0, here)
    steps = (Step(CHANGE, Name(GRAD, here), ALWAYS, here), Step(PARAM, CHANGED, ALWAYS, here))
    plainest = Block("plainest", "", steps)
    view = next((feature.view for feature in features if feature.view), "")
    rule = Rule("Features", "features", "", here, (rate,), (), (plainest,), {}, view=view)
    return weave(rule, features, slots)


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
        h.name: replace(_taken_over(h, own), after_name=part.position is None)
        for part in by_position
        for h in part.hyperparameters
    }
    own = {name: h for name, h in own.items() if name not in others}
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


def _taken_over(h: Hyperparameter, own: Mapping[str, Hyperparameter]) -> Hyperparameter:
    """An argument of a feature, or the one of a rule that replaces it, excluded alike."""
    found = own.get(h.name, h)
    return found if found.excluded is not None else replace(found, excluded=h.excluded)
