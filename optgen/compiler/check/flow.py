"""Names: defined before they are used, under every setting of the switches, and used at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optgen.compiler.nouns.condition import ALWAYS, NEVER, Condition
from optgen.compiler.nouns.expression import GIVEN, Expression, Name, Operation, names, walk
from optgen.compiler.nouns.problem import Problem, nearest
from optgen.compiler.nouns.rule import (
    COUNTERS,
    GIVEN_NAMES,
    GRAD,
    LEARNING_RATE,
    PARAM,
    Block,
    Rule,
    Step,
)


def check_flow(rule: Rule) -> Iterator[Problem]:
    """Undefined, unassigned, unread and unused names, and cycles, of a single spec."""
    (block,) = rule.blocks
    for steps in (block.steps, block.otherwise):
        yield from _Flow(rule, block, steps).problems()
    yield from _unused(rule, block)
    yield from _states(rule, block)
    if block.slot is None and all(step.target != PARAM for step in block.steps):
        yield Problem("the rule never changes param", rule.location, "end with param = param - …")


class _Flow:
    """One pass over the steps with the conditions under which each name has a value."""

    def __init__(self, rule: Rule, block: Block, steps: tuple[Step, ...]) -> None:
        self._rule, self._steps, self._when = rule, steps, block.when
        self._fixed = {h.name for h in rule.hyperparameters} | set(COUNTERS) | {LEARNING_RATE}
        self._optional = {
            h.name: Condition.of(f"{GIVEN}({h.name})") for h in rule.hyperparameters if h.optional
        }
        self._states = {state.name: state.when for state in rule.states}
        self._defined: dict[str, Condition] = {PARAM: ALWAYS, GRAD: ALWAYS, **self._states}
        self._defined |= dict.fromkeys(self._fixed, ALWAYS)
        self._locals = {step.target for step in steps}

    def problems(self) -> Iterator[Problem]:
        for position, step in enumerate(self._steps):
            guard = self._when & step.guard
            yield from self._uses(step.expression, guard, position)
            yield from self._target(step, guard)
            if step.target not in self._states:
                self._defined[step.target] = self._defined.get(step.target, NEVER) | guard

    def _target(self, step: Step, guard: Condition) -> Iterator[Problem]:
        target = step.target
        if target in self._fixed:
            yield Problem(
                f"{target!r} can't be assigned", step.location, "give the value a new name"
            )
        elif target in self._states and not guard.implies(self._states[target]):
            yield Problem(
                f"the state {target!r} doesn't exist under every condition of this line",
                step.location,
                "move the line into the if that the state's when names",
            )

    def _uses(self, expression: Expression, guard: Condition, position: int) -> Iterator[Problem]:
        for part in _uses_outside_given(expression):
            name = part.id
            if name in self._optional and not guard.implies(self._optional[name]):
                yield Problem(
                    f"{name!r} is optional and may be None here",
                    part.location,
                    f"put the line under if given({name}):",
                )
            elif name not in self._defined:
                yield self._undefined(part, position)
            elif not guard.implies(self._defined[name]):
                yield self._sometimes(part)

    def _undefined(self, part: Name, position: int) -> Problem:
        name = part.id
        if name not in self._locals:
            known = [*self._defined, *self._locals, *GIVEN_NAMES]
            hint = nearest(name, known) or "declare it, or assign it before"
            return Problem(f"{name!r} is not defined", part.location, hint)
        if self._depends(name, self._steps[position].target):
            return Problem(
                f"a cycle: {name!r} needs {self._steps[position].target!r}, "
                f"which this line computes from {name!r}",
                part.location,
                f"keep {name!r} as a state and use its value before the update",
            )
        return Problem(
            f"{name!r} is used before it is assigned", part.location, "move its assignment up"
        )

    def _sometimes(self, part: Name) -> Problem:
        kind = "state" if part.id in self._states else "name"
        return Problem(
            f"the {kind} {part.id!r} has no value under every condition of this line",
            part.location,
            "assign it in both branches of the if, or move this line into one",
        )

    def _depends(self, name: str, origin: str) -> bool:
        """Whether the assignments of a name need ``origin``, directly or through others."""
        needs: Mapping[str, set[str]] = _needs(self._steps)
        seen, waiting = {name}, [name]
        while waiting:
            for needed in needs.get(waiting.pop(), set()):
                if needed == origin:
                    return True
                if needed not in seen:
                    seen.add(needed)
                    waiting.append(needed)
        return False


def _needs(steps: tuple[Step, ...]) -> dict[str, set[str]]:
    result: dict[str, set[str]] = {}
    for step in steps:
        result.setdefault(step.target, set()).update(names(step.expression))
    return result


def _uses_outside_given(expression: Expression) -> Iterator[Name]:
    if isinstance(expression, Name):
        yield expression
    elif isinstance(expression, Operation) and expression.operator != GIVEN:
        for operand in expression.operands:
            yield from _uses_outside_given(operand)


def _unused(rule: Rule, block: Block) -> Iterator[Problem]:
    used = {LEARNING_RATE}
    for atom in rule.atoms.values():
        used |= {part.id for part in walk(atom) if isinstance(part, Name)}
    for step in (*block.steps, *block.otherwise):
        used |= set(names(step.expression))
    if block.proceed is not None:
        used |= set(names(block.proceed))
    used |= {state.initial for state in rule.states if isinstance(state.initial, str)}
    for hyperparameter in rule.hyperparameters:
        if hyperparameter.name not in used:
            message = f"the hyperparameter {hyperparameter.name!r} is never used"
            yield Problem(message, hyperparameter.location, "use it in the rule, or drop it")
    kept = {PARAM, GRAD, *(state.name for state in rule.states)}
    declared = {h.name for h in rule.hyperparameters}
    for step in (*block.steps, *block.otherwise):
        if step.target not in used | kept | declared:
            message = f"{step.target!r} is assigned but never used"
            yield Problem(message, step.location, nearest(step.target, used | kept))


def _states(rule: Rule, block: Block) -> Iterator[Problem]:
    steps = (*block.steps, *block.otherwise)
    assigned = {step.target for step in steps}
    read = {name for step in steps for name in names(step.expression)}
    hyperparameters = {h.name for h in rule.hyperparameters if not h.is_switch}
    for state in rule.states:
        if state.name not in assigned:
            message = f"the state {state.name!r} is never assigned"
            yield Problem(message, state.location, "a state that never changes is not needed")
        elif state.name not in read:
            message = f"the state {state.name!r} is never read"
            yield Problem(message, state.location, "drop it, or use it in the rule")
        if isinstance(state.initial, str) and state.initial not in hyperparameters | {PARAM}:
            message = f"the state {state.name!r} can't begin at {state.initial!r:.60}"
            hint = "initial is a number, the name of a hyperparameter, or param"
            yield Problem(message, state.location, nearest(state.initial, hyperparameters) or hint)
        for name in names(state.invariant) if state.invariant is not None else ():
            known = hyperparameters | {other.name for other in rule.states} | set(COUNTERS)
            if name not in known:
                message = f"the invariant of {state.name!r} uses {name!r}, which is not defined"
                yield Problem(message, state.location, nearest(name, known))
