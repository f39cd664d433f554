"""Definite assignment: names are defined before use, in every setting of the switches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from optgen.compiler.ir.condition import ALWAYS, NEVER, Condition
from optgen.compiler.ir.expression import GIVEN, REDUCTIONS, Expression, Name, Operation, walk
from optgen.compiler.ir.language import SCHEDULES, SPELLED, foreign_name, language_of
from optgen.compiler.ir.problem import Problem, nearest
from optgen.compiler.ir.randomness import DRAWS
from optgen.compiler.ir.rule import GRAD, PARAM, Block, Rule, Step
from optgen.compiler.read.check.cycles import cycle

_PROCEED = "proceed may use hyperparameters, call and step"


def check_flow(rule: Rule) -> Iterator[Problem]:
    """Undefined and unassigned names, and cycles, of a single spec."""
    for block in rule.blocks:
        for steps in (block.steps, block.otherwise, block.perturb):
            yield from _Flow(rule, block, steps).problems()
        if block.proceed is not None:
            yield from _Flow(rule, block, ()).before_the_call(block.proceed)
        if rule.evaluation is not None:
            step = Step(PARAM, rule.evaluation, ALWAYS, rule.evaluation.location)
            yield from _Flow(rule, replace(block, every_variable=True), (step,)).of_elements()


class _Flow:
    """One pass over the steps that tracks the conditions under which each name has a value.

    After a problem is reported, the name counts as correct for the rest of the pass.
    """

    def __init__(self, rule: Rule, block: Block, steps: tuple[Step, ...]) -> None:
        self._steps, self._block, self._language = steps, block, language_of(rule)
        self._fixed = {h.name for h in rule.hyperparameters} | {*self._language.fixed}
        self._optional = {
            h.name: Condition.of(f"{GIVEN}({h.name})") for h in rule.hyperparameters if h.optional
        }
        self._states = {state.name: state.when for state in rule.states}
        self._defined: dict[str, Condition] = dict.fromkeys(self._language.given, ALWAYS)
        self._defined |= self._states
        self._inputs = {one.name for one in rule.inputs}
        given = {n: Condition.of(f"{GIVEN}({n.name})") for n in rule.inputs if n.optional}
        self._defined |= {one.name: given.get(one, ALWAYS) for one in rule.inputs}
        self._defined |= dict.fromkeys(self._fixed, ALWAYS)
        self._locals = {step.target for step in steps}

    def problems(self) -> Iterator[Problem]:
        """The problems of the steps."""
        for position, step in enumerate(self._steps):
            guard = self._block.when & step.guard
            for part in _uses(step.expression):
                yield from self._check_use(part, guard, position)
            yield from self._check_target(step, guard)
            if step.target not in self._states:
                self._defined[step.target] = self._defined.get(step.target, NEVER) | guard
        yield from self._check_result()

    def _check_result(self) -> Iterator[Problem]:
        """A problem if some setting of the switches leaves the result unassigned."""
        result = self._language.result
        last = [step for step in self._steps if step.target == result][-1:]
        if last and not self._block.when.implies(self._defined[result]):
            message = f"{result!r} has no value under every condition"
            yield Problem(message, last[0].location, "assign it in both branches of the if")

    def of_elements(self) -> Iterator[Problem]:
        """The problems of what is computed for each element apart from steps."""
        for step in self._steps:
            for part in walk(step.expression):
                if isinstance(part, Operation) and part.operator in {*REDUCTIONS, *DRAWS, GIVEN}:
                    message = f"{part.operator} has no place in what evaluation uses"
                    hint = "it is computed for each element; keep the value as a state"
                    yield Problem(message, part.location, hint)
                    return
        yield from self.problems()

    def before_the_call(self, proceed: Expression) -> Iterator[Problem]:
        """The problems of the condition under which a call proceeds."""
        for part in walk(proceed):
            if isinstance(part, Operation) and part.operator in REDUCTIONS:
                message = f"{part.operator} is not known before the call"
                yield Problem(message, part.location, _PROCEED)
                return
        for part in _uses(proceed):
            if part.id in self._fixed:
                yield from self._check_optional(part, self._block.when)
            else:
                yield Problem(
                    f"{part.id!r} is not known before the call",
                    part.location,
                    nearest(part.id, self._fixed) or _PROCEED,
                )

    def _check_target(self, step: Step, guard: Condition) -> Iterator[Problem]:
        target = step.target
        if target in self._fixed:
            hint = "give the value a new name"
            yield Problem(f"{target!r} can't be assigned", step.location, hint)
        elif target in self._inputs:
            message = f"the input {target!r} can't be assigned"
            yield Problem(message, step.location, "give the value a new name")
        elif target == GRAD and self._block.every_variable:
            message = "a variable without a gradient has none that could be assigned"
            yield Problem(message, step.location, "drop every_variable, or the line")
        elif target in self._states and not guard.implies(self._states[target]):
            message = f"the state {target!r} doesn't exist under every condition of this line"
            hint = "move the line into the if that the state's when names"
            yield Problem(message, step.location, hint)
            self._states[target] = ALWAYS

    def _check_use(self, part: Name, guard: Condition, position: int) -> Iterator[Problem]:
        name = part.id
        if name in self._optional:
            yield from self._check_optional(part, guard)
        elif name == GRAD and self._block.every_variable:
            message = "a variable without a gradient has none that could be used"
            yield Problem(message, part.location, "drop every_variable, or the gradient")
        elif name not in self._defined:
            yield self._undefined(part, position)
            self._defined[name] = ALWAYS
        elif not guard.implies(self._defined[name]):
            yield self._sometimes(part)
            self._defined[name] = ALWAYS

    def _check_optional(self, part: Name, guard: Condition) -> Iterator[Problem]:
        name = part.id
        if name in self._optional and not guard.implies(self._optional[name]):
            message = f"{name!r} is optional and may be None here"
            yield Problem(message, part.location, f"put the line under if given({name}):")
            self._optional[name] = ALWAYS

    def _undefined(self, part: Name, position: int) -> Problem:
        name = part.id
        if foreign_name(name, self._language) and name not in self._locals:
            message = f"{name!r} is not given to {self._language.noun}s"
            given = (SPELLED.get(one, one) for one in self._language.names)
            hint = f"given are {', '.join(given)}"
            return Problem(message, part.location, hint)
        if name not in self._locals:
            known = {*self._defined, *self._locals}
            hint = nearest(name, known) or "declare it, or assign it before"
            return Problem(f"{name!r} is not defined", part.location, hint)
        early = f"{name!r} is used before it is assigned"
        plain = Problem(early, part.location, "move its assignment up")
        if self._language is SCHEDULES:
            # No value is kept between calls, so no state can break a cycle.
            return plain
        return cycle(part, self._steps, position, self._states) or plain

    def _sometimes(self, part: Name) -> Problem:
        kind = "state" if part.id in self._states else "name"
        return Problem(
            f"the {kind} {part.id!r} has no value under every condition of this line",
            part.location,
            "assign it in both branches of the if, or move this line into one"
            if kind == "name"
            else "move the line into the if that the state's when names",
        )


def _uses(expression: Expression) -> Iterator[Name]:
    """Names whose values are used; ``given(x)`` tests x without using its value."""
    if isinstance(expression, Name):
        yield expression
    elif isinstance(expression, Operation) and expression.operator != GIVEN:
        for operand in expression.operands:
            yield from _uses(operand)
