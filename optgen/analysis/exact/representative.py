"""Representatives: rules of gradients and hyperparameters only, which analyses take apart.

An input beside the gradient is as little known as a hyperparameter without a range, and becomes
one. A random number is at its mean, so that properties are those of the mean step; but in rules of
low rank, whose random matrices would all be 0, it is as little known as an input. A line under a
condition that each call decides becomes a choice by ``where``: no setting lasts for a whole run. An
update from a second point begins with the move there, by the same gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial, reduce

from optgen.compiler.ir.condition import ALWAYS, NEVER, Case, Condition
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, names, rewrite
from optgen.compiler.ir.extent import OF_RANK
from optgen.compiler.ir.randomness import number_of
from optgen.compiler.ir.reserved import PERTURBED
from optgen.compiler.ir.rule import COUNTERS, GRAD, PARAM, Block, Hyperparameter, Input, Rule, Step

_MEANS = {"normal": 0, "uniform": 0.5, "random_sign": 0}


def representative(rule: Rule) -> Rule:
    """The rule with inputs as hyperparameters and random numbers at their means."""
    drawn: dict[str, Hyperparameter] = {}
    replaced = _mean
    if any(state.extent in OF_RANK for state in rule.states):
        replaced = partial(_unknown, drawn)
    moved = (_moved(rule, one) for one in rule.blocks)
    blocks = tuple(_chosen(rule, [_without_draws(one, replaced) for one in moved]))
    return replace(
        rule,
        hyperparameters=(
            *rule.hyperparameters,
            *map(_hyperparameter, rule.inputs),
            *drawn.values(),
        ),
        blocks=blocks,
        inputs=(),
        atoms=_still_used(rule, blocks),
    )


def _still_used(rule: Rule, blocks: Iterable[Block]) -> dict[str, Expression]:
    """The conditions without those of calls that are choices now."""
    steps = [step for one in blocks for step in (*one.steps, *one.otherwise, *one.perturb)]
    used = {atom for step in steps for atom in step.guard.atoms}
    return {a: e for a, e in rule.atoms.items() if a in used or not {*names(e)} & {*COUNTERS}}


def _hyperparameter(given: Input) -> Hyperparameter:
    return Hyperparameter(given.name, 1.0, given.location, optional=given.optional)


def _moved(rule: Rule, block: Block) -> Block:
    """The block with the move to a second point at the head of its update."""
    if PERTURBED not in rule.atoms or rule.hyperparameter(PERTURBED) is not None:
        return block
    there = Condition.of(PERTURBED)
    moves = (replace(step, guard=step.guard & there) for step in block.perturb)
    return replace(block, steps=(*moves, *block.steps))


def _chosen(rule: Rule, blocks: list[Block]) -> Iterator[Block]:
    """The blocks with choices in place of conditions that each call decides."""
    by_call = {a: e for a, e in rule.atoms.items() if {*names(e)} & {*COUNTERS}}
    valued = dict.fromkeys([PARAM, GRAD, *(state.name for state in rule.states)], ALWAYS)
    for block in blocks:
        steps = []
        for step in block.steps:
            # A value of the other branch of a static condition is none here.
            had = valued.get(step.target, NEVER)
            before = Name(step.target) if (had & step.guard).cases else Number(0)
            steps.append(_choice(step, before, by_call))
            valued[step.target] = had | step.guard
        yield replace(block, steps=tuple(steps))


def _choice(step: Step, before: Expression, by_call: Mapping[str, Expression]) -> Step:
    """The step, or what keeps the value before where a call decides against it."""
    parts = [tuple((a, on) for a, on in case if a not in by_call) for case in step.guard.cases]
    if not {*step.guard.atoms} & {*by_call} or len({frozenset(part) for part in parts}) > 1:
        return step
    cases = [_all(case, by_call) for case in step.guard.cases]
    holds = reduce(lambda one, other: Operation("or", (one, other)), cases)
    chosen = Operation("where", (holds, step.expression, before), step.expression.location)
    return replace(step, expression=chosen, guard=Condition((parts[0],)))


def _all(case: Case, by_call: Mapping[str, Expression]) -> Expression:
    """The condition of the calls' part of a case."""
    found = [(by_call[atom], on) for atom, on in case if atom in by_call]
    literals = [one if on else Operation("not", (one,), one.location) for one, on in found]
    return reduce(lambda one, other: Operation("and", (one, other)), literals)


def _without_draws(block: Block, replaced: Callable[[Expression], Expression | None]) -> Block:
    def changed(steps: Iterable[Step]) -> tuple[Step, ...]:
        return tuple(replace(one, expression=rewrite(one.expression, replaced)) for one in steps)

    return replace(block, steps=changed(block.steps), perturb=changed(block.perturb))


def _unknown(drawn: dict[str, Hyperparameter], part: Expression) -> Expression | None:
    """A hyperparameter without a range in the place of a random number."""
    if not isinstance(part, Operation) or part.operator not in _MEANS:
        return None
    name = f"drawn_{number_of(part)}"
    drawn[name] = Hyperparameter(name, 1.0, part.location)
    return Name(name, part.location)


def _mean(part: Expression) -> Expression | None:
    if isinstance(part, Operation) and part.operator in _MEANS:
        return Number(_MEANS[part.operator], part.location)
    return None
