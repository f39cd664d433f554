"""A rule with its switches decided and some hyperparameters fixed: one straight line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optgen.compiler.nouns.expression import Expression, Name, Number, substitute
from optgen.compiler.nouns.rule import LEARNING_RATE, PARAM, Hyperparameter, Rule, State, Step
from optgen.compiler.nouns.spec import Scalar
from optgen.compiler.nouns.value import evaluate

Values = Mapping[str, Scalar]


@dataclass(frozen=True)
class Straight:
    """What a step computes; ``values`` are new values in terms of old ones."""

    steps: tuple[Step, ...]
    values: Mapping[str, Expression]
    states: tuple[State, ...]
    defaults: Mapping[str, float]
    #: Hyperparameters that are never negative.
    positive: frozenset[str]

    def initial(self, state: State) -> Expression:
        """What a state holds before the first step."""
        if isinstance(state.initial, str):
            return Name(state.initial)
        return Number(state.initial)


def straight(rule: Rule, fixed: Values) -> Straight:
    """The rule with its defaults for what decides code, and ``fixed`` numbers put in.

    Raises ValueError for a hyperparameter that it doesn't have.
    """
    defaults: dict[str, Scalar] = {
        h.name: h.default for h in rule.hyperparameters if h.default is not None
    }
    defaults.setdefault(LEARNING_RATE, 0.001)
    for name in fixed:
        if name not in defaults:
            raise ValueError(f"{rule.name} has no hyperparameter {name}")
    decided = {**defaults, **fixed}
    on = {atom: bool(evaluate(condition, decided)) for atom, condition in rule.atoms.items()}
    (block,) = rule.blocks
    steps = tuple(step for step in block.steps if step.guard.holds(on))
    numbers: dict[str, Expression] = {
        name: Number(value) for name, value in fixed.items() if not isinstance(value, bool)
    }
    values: dict[str, Expression] = {PARAM: Name(PARAM)}
    for step in steps:
        values[step.target] = substitute(step.expression, {**numbers, **values})
    states = tuple(
        s for s in rule.states if s.when.holds({**dict.fromkeys(s.when.atoms, False), **on})
    )
    given = {k: float(v) for k, v in decided.items() if not isinstance(v, bool)}
    positive = frozenset(h.name for h in rule.hyperparameters if _is_positive(h)) - set(fixed)
    return Straight(steps, values, states, given, positive)


def _is_positive(hyperparameter: Hyperparameter) -> bool:
    """Whether a range leaves no negative numbers; what holds above 0 holds at 0 by continuity."""
    condition, name = hyperparameter.range, hyperparameter.name
    if condition is None:
        return name == LEARNING_RATE
    return not any(evaluate(condition, {name: value}) for value in (-1e-12, -1e-3, -1.0, -1e6))
