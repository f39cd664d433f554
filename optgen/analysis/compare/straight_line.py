"""Straight-line programs: optimizers with fixed switches and some fixed hyperparameters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from optgen.analysis.exact.interval import EVERYTHING, NONNEGATIVE, ONE, Interval
from optgen.analysis.exact.matrix_facts import FACTS
from optgen.analysis.exact.ranges import bound, comparison
from optgen.analysis.exact.reductions import KNOWN_SHAPES, over_elements
from optgen.compiler.ir.expression import (
    GIVEN,
    REDUCTIONS,
    Expression,
    Name,
    Number,
    Operation,
    names,
    rewrite,
    substitute,
    walk,
)
from optgen.compiler.ir.extents import Extents
from optgen.compiler.ir.reduction import AXIS_REDUCTIONS
from optgen.compiler.ir.reserved import MATRIX, SHAPES
from optgen.compiler.ir.rule import CALL, GRAD, LEARNING_RATE, PARAM, STEP, Rule, State, Step
from optgen.compiler.ir.spec import Scalar
from optgen.compiler.ir.value import evaluate

#: None stands for an optional hyperparameter that isn't given.
Values = Mapping[str, Scalar | None]
#: The size limit for values in expanded form.
LARGEST = 3000


class TooLargeError(Exception):
    """A rule whose values are too large in expanded form."""


@dataclass(frozen=True)
class Straight:
    """The statements of a step, in order."""

    steps: tuple[Step, ...]
    states: tuple[State, ...]
    known: Mapping[str, Interval]

    @cached_property
    def values(self) -> Mapping[str, Expression]:
        """New values of names as functions of old ones. Raises TooLargeError."""
        values: dict[str, Expression] = {PARAM: Name(PARAM)}
        sizes = {PARAM: 1}
        for step in self.steps:
            parts = (sizes.get(n.id, 1) for n in walk(step.expression) if isinstance(n, Name))
            sizes[step.target] = sum(parts) + sum(1 for _ in walk(step.expression))
            if sizes[step.target] > LARGEST:
                raise TooLargeError
            values[step.target] = substitute(step.expression, values)
        return values

    @cached_property
    def is_joint(self) -> bool:
        """Whether the step of an element depends on other elements."""
        return self._uses(REDUCTIONS) or self.is_axial

    @cached_property
    def is_axial(self) -> bool:
        """Whether a step reduces rows or columns, or multiplies matrices."""
        return self._uses(AXIS_REDUCTIONS | {*FACTS})

    def _uses(self, operators: Collection[str]) -> bool:
        return any(
            isinstance(part, Operation) and part.operator in operators
            for step in self.steps
            for part in walk(step.expression)
        )

    @cached_property
    def starts(self) -> dict[str, Expression]:
        """The initial values of states."""
        return {
            state.name: Name(state.initial)
            if isinstance(state.initial, str)
            else Number(state.initial)
            for state in self.states
        }

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The hyperparameters in its statements."""
        computed = {PARAM, GRAD, STEP, CALL, *SHAPES, *(step.target for step in self.steps)}
        used = {name for step in self.steps for name in names(step.expression)}
        used |= {name for start in self.starts.values() for name in names(start)}
        return frozenset(used - computed - {state.name for state in self.states})

    def with_numbers(self, values: Mapping[str, Expression]) -> Straight:
        """The step with numbers for some hyperparameters."""
        steps = tuple(
            replace(step, expression=substitute(step.expression, values)) for step in self.steps
        )
        known = {name: interval for name, interval in self.known.items() if name not in values}
        states = tuple(
            replace(state, initial=_initial(values[state.initial], state.initial))
            if isinstance(state.initial, str) and state.initial in values
            else state
            for state in self.states
        )
        return Straight(steps, states, known)


def _initial(value: Expression, name: str) -> Scalar | str:
    return value.value if isinstance(value, Number) else name


def decided(rule: Rule, fixed: Values) -> dict[str, Scalar | None]:
    """The value of each hyperparameter: the fixed one, or the default; variables are vectors."""
    defaults: dict[str, Scalar | None] = {h.name: h.default for h in rule.hyperparameters}
    if defaults.get(LEARNING_RATE) is None:
        defaults[LEARNING_RATE] = 0.001
    return {MATRIX: False, **defaults, **fixed}


def holds(condition: Expression, values: Values) -> bool:
    """Whether a static condition holds for values of hyperparameters."""
    known = {name: value for name, value in values.items() if value is not None}
    return bool(evaluate(without_given(condition, values), known))


def without_given(expression: Expression, values: Values) -> Expression:
    """An expression in which each ``given`` is decided."""

    def given(part: Expression) -> Expression | None:
        if isinstance(part, Operation) and part.operator == GIVEN:
            return Number(all(values.get(name) is not None for name in names(part)))
        return None

    return rewrite(expression, given)


def straight(rule: Rule, on: Mapping[str, bool], values: Values) -> Straight:
    """The statements of a rule with its features, after all static conditions are decided."""
    every = dict(on)
    extents = Extents(rule.states, [step for block in rule.blocks for step in block.steps])
    steps = tuple(
        replace(step, expression=without_given(step.expression, values))
        for block in rule.blocks
        if block.when.holds(every)
        for step in block.steps
        if step.guard.holds(every)
    )
    states = tuple(
        state
        for state in rule.states
        if state.when.holds({**dict.fromkeys(state.when.atoms, False), **every})
    )
    return Straight(over_elements(steps, extents), states, known_names(rule, states, on))


def known_names(
    rule: Rule, states: tuple[State, ...], on: Mapping[str, bool]
) -> dict[str, Interval]:
    """Known intervals of names, from ranges, invariants and conditions."""
    known = {**KNOWN_SHAPES, LEARNING_RATE: NONNEGATIVE, STEP: Interval(ONE, None, False, True)}
    known[CALL] = known[STEP]
    conditions = {h.name: h.range for h in rule.hyperparameters}
    conditions |= {state.name: state.invariant for state in states}
    for name, condition in conditions.items():
        found = None if condition is None else bound(condition, name)
        if found is not None:
            known[name] = found
    for atom, is_on in on.items():
        bounded = comparison(rule.atoms[atom]) if atom in rule.atoms else None
        if bounded is not None:
            name, inside, outside = bounded
            known[name] = known.get(name, EVERYTHING).meet(inside if is_on else outside)
    return known
