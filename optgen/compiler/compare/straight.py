"""A rule with its switches decided and some hyperparameters fixed: one straight line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optgen.compiler.exact.interval import NONNEGATIVE, ONE, Interval
from optgen.compiler.exact.ranges import bound
from optgen.compiler.nouns.expression import Expression, Name, Number, substitute
from optgen.compiler.nouns.rule import CALL, LEARNING_RATE, PARAM, STEP, Rule, State, Step
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
    known: Mapping[str, Interval]

    @property
    def positive(self) -> set[str]:
        """Names that are never negative; what holds above 0 holds at 0 by continuity."""
        return {name for name, interval in self.known.items() if interval.is_nonnegative}

    @property
    def starts(self) -> dict[str, Expression]:
        """What states hold before the first step."""
        return {
            state.name: Name(state.initial)
            if isinstance(state.initial, str)
            else Number(state.initial)
            for state in self.states
        }


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
    return Straight(steps, values, states, given, _known(rule, states, fixed))


def _known(rule: Rule, states: tuple[State, ...], fixed: Values) -> dict[str, Interval]:
    """What ranges and invariants say of each name that isn't fixed."""
    known = {LEARNING_RATE: NONNEGATIVE, STEP: Interval(ONE, None, False, True)}
    known[CALL] = known[STEP]
    conditions = {h.name: h.range for h in rule.hyperparameters if h.name not in fixed}
    conditions |= {state.name: state.invariant for state in states}
    for name, condition in conditions.items():
        found = None if condition is None else bound(condition, name)
        if found is not None:
            known[name] = found
    return known
