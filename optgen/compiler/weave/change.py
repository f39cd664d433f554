"""The change of the parameter: what a rule takes off, which features of one slot alter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optgen.compiler.ir.change import assigns_param, taken_off
from optgen.compiler.ir.condition import ALWAYS
from optgen.compiler.ir.expression import Name, rename
from optgen.compiler.ir.problem import Problem, SpecError
from optgen.compiler.ir.rule import CHANGE, CHANGED, GRAD, PARAM, Block, Rule, Step
from optgen.compiler.weave.local_names import fresh
from optgen.compiler.weave.order import Slots, slot_of


def in_slots(rule: Rule, features: Sequence[Rule], slots: Slots) -> tuple[Rule, ...]:
    """The rule among ordered features, in two parts if features alter its change.

    Raises SpecError if they do and the rule has no change.
    """
    own, direct = slots.order.index(slots.own), slots.order.index(slots.direct)
    before = [feature for feature in features if slot_of(feature, slots) < own]
    after = [feature for feature in features if own <= slot_of(feature, slots) < direct]
    altering = [feature for feature in features if slot_of(feature, slots) == direct]
    last = [feature for feature in features if slot_of(feature, slots) > direct]
    if not altering:
        return (*before, rule, *after, *last)
    start, end = _split(rule, altering[0])
    return (*before, start, *after, *altering, end, *last)


def _split(rule: Rule, altering: Rule) -> tuple[Rule, Rule]:
    """The steps of a rule that compute its change, and the one that takes it off."""
    (block,) = rule.blocks
    *steps, last = block.steps
    change = taken_off(last)
    if change is None or assigns_param(steps):
        (*_, found) = (step for step in block.steps if step.target == PARAM)
        message = f"{altering.name!r} alters {CHANGE}, and this rule assigns {PARAM} itself"
        hint = f"end with {CHANGE} = …, what is taken off {PARAM}, or leave the feature out"
        raise SpecError([Problem(message, found.location, hint)])
    if change != Name(CHANGE):
        steps.append(Step(CHANGE, change, ALWAYS, last.location))
    end = Step(PARAM, CHANGED, ALWAYS, last.location)
    start = replace(block, steps=tuple(_without_its_gradient(steps, block.name)))
    return _only(rule, start), replace(_only(rule, replace(block, steps=(end,))), states=())


def _without_its_gradient(steps: Sequence[Step], name: str) -> list[Step]:
    """The steps under another name of the gradient, if they assign it: features need its value."""
    if all(step.target != GRAD for step in steps):
        return [*steps]
    new = {GRAD: fresh(f"{name}_{GRAD}", {step.target for step in steps})}
    kept = Step(new[GRAD], Name(GRAD), ALWAYS, steps[0].location)
    renamed = (
        replace(
            step,
            target=new.get(step.target, step.target),
            expression=rename(step.expression, new),
        )
        for step in steps
    )
    return [kept, *renamed]


def _only(rule: Rule, block: Block) -> Rule:
    return replace(rule, blocks=(block,))
