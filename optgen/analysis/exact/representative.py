"""Representatives: rules of gradients and hyperparameters only, which analyses take apart.

An input beside the gradient is as little known as a hyperparameter without a range, and becomes
one. A random number is at its mean, so that properties are those of the mean step.
"""

from __future__ import annotations

from dataclasses import replace

from optgen.compiler.ir.expression import Expression, Number, Operation, rewrite
from optgen.compiler.ir.rule import Block, Hyperparameter, Input, Rule, Step

_MEANS = {"normal": 0, "uniform": 0.5, "random_sign": 0}


def representative(rule: Rule) -> Rule:
    """The rule with inputs as hyperparameters and random numbers at their means."""
    return replace(
        rule,
        hyperparameters=(*rule.hyperparameters, *map(_hyperparameter, rule.inputs)),
        blocks=tuple(map(_at_means, rule.blocks)),
        inputs=(),
    )


def _hyperparameter(given: Input) -> Hyperparameter:
    default = None if given.optional else 1.0
    return Hyperparameter(given.name, default, given.location, optional=given.optional)


def _at_means(block: Block) -> Block:
    return replace(
        block, steps=tuple(map(_at_mean, block.steps)), perturb=tuple(map(_at_mean, block.perturb))
    )


def _at_mean(step: Step) -> Step:
    return replace(step, expression=rewrite(step.expression, _mean))


def _mean(part: Expression) -> Expression | None:
    if isinstance(part, Operation) and part.operator in _MEANS:
        return Number(_MEANS[part.operator], part.location)
    return None
