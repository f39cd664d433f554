"""Unused declarations and assignments; states that are never assigned or never read."""

from __future__ import annotations

from collections.abc import Iterator

from optgen.compiler.ir.expression import GIVEN, REDUCTIONS, Name, Operation, names, walk
from optgen.compiler.ir.language import language_of
from optgen.compiler.ir.problem import Problem, closest, nearest
from optgen.compiler.ir.randomness import SEED
from optgen.compiler.ir.rule import (
    COUNTERS,
    GRAD,
    LEARNING_RATE,
    PARAM,
    Block,
    Rule,
    State,
)


def check_use(rule: Rule) -> Iterator[Problem]:
    """Unused names, unused states, and states with an unknown initial value or promise."""
    (block,) = rule.blocks
    language = language_of(rule)
    if not block.steps:
        yield Problem("the rule is empty", rule.location, language.ending)
        return
    use = _Use(rule, block)
    if block.slot is None and not use.assigns(language.result):
        message = f"the rule never assigns {language.result}"
        yield Problem(message, rule.location, language.ending)
        return
    if block.proceed is None and block.otherwise:
        message = "otherwise is never reached without proceed"
        hint = 'write proceed = "…", the condition under which the update happens'
        yield Problem(message, block.otherwise[0].location, hint)
    yield from use.unused()
    for state in rule.states:
        yield from use.check_state(state)
        yield from _check_start(state, rule)
        yield from _check_invariant(state, rule)


class _Use:
    """The names that a spec reads and assigns."""

    def __init__(self, rule: Rule, block: Block) -> None:
        self._rule, self._steps = rule, block.every_step
        self._declared = {h.name for h in rule.hyperparameters}
        language = language_of(rule)
        self._declared |= {*language.names, language.result, *(state.name for state in rule.states)}
        self._declared |= {one.name for one in rule.inputs}
        self._assigned = {step.target for step in self._steps}
        self._read = {name for step in self._steps for name in names(step.expression)}
        # A name that is used only to compute itself is unused.
        self._used = set(language.fixed)
        for step in self._steps:
            self._used |= set(names(step.expression)) - {step.target}
        for asked in (*rule.atoms.values(), block.proceed):
            self._used |= set(names(asked)) if asked is not None else set()
        self._used |= {str(state.initial) for state in rule.states}
        if rule.evaluation is not None:
            self._read |= {*names(rule.evaluation)}
            self._used |= {*names(rule.evaluation)}
        # A mistyped name isn't also reported under its correct spelling.
        idle = self._assigned - self._used - self._declared
        self._assigned |= {closest(name, self._declared) for name in idle}
        for name in (self._used | self._read) - self._declared - self._assigned:
            self._used.add(closest(name, self._declared | self._assigned))
            self._read.add(closest(name, self._declared | self._assigned))

    def assigns(self, name: str) -> bool:
        """Whether a name is assigned."""
        return name in self._assigned

    def unused(self) -> Iterator[Problem]:
        """Hyperparameters and local names that no result depends on."""
        for hyperparameter in self._rule.hyperparameters:
            is_used = bool(hyperparameter.bounds) or hyperparameter.name in {*self._used, SEED}
            if not is_used:
                message = f"the hyperparameter {hyperparameter.name!r} is never used"
                yield Problem(message, hyperparameter.location, "use it in the rule, or drop it")
        for given in self._rule.inputs:
            if given.name not in self._read:
                message = f"the input {given.name!r} is never used"
                yield Problem(message, given.location, "use it in the rule, or drop it")
        told = set(self._declared)
        for step in self._steps:
            if step.target not in self._used | told:
                told.add(step.target)
                hint = nearest(step.target, self._declared) or "use it, or drop the line"
                yield Problem(f"{step.target!r} is assigned but never used", step.location, hint)

    def check_state(self, state: State) -> Iterator[Problem]:
        """A problem for an unused state; a state may store the initial value of the parameter."""
        if state.is_probe:
            return
        if state.name not in self._assigned and state.initial != PARAM:
            message = f"the state {state.name!r} is never assigned"
            yield Problem(message, state.location, "a state that stays a constant is not needed")
        elif state.name not in self._read:
            message = f"the state {state.name!r} is never read"
            yield Problem(message, state.location, "drop it, or use it in the rule")


def _check_start(state: State, rule: Rule) -> Iterator[Problem]:
    if not isinstance(state.initial, str) or state.initial == PARAM:
        return
    at = state.initial_at or state.location
    found = rule.hyperparameter(state.initial)
    numbers = {h.name for h in rule.hyperparameters if not h.is_switch}
    if found is None or found.is_switch:
        message = f"the state {state.name!r} can't begin at {state.initial!r:.60}"
        hint = "initial is a number, the name of a hyperparameter, or param"
        yield Problem(message, at, nearest(state.initial, numbers) or hint)
    elif found.optional:
        message = f"{found.name!r} is optional and may be None when the state begins"
        yield Problem(message, at, "begin at a number")


def _check_invariant(state: State, rule: Rule) -> Iterator[Problem]:
    if state.invariant is None:
        return
    known = {other.name for other in rule.states} | {*COUNTERS, LEARNING_RATE}
    known |= {h.name for h in rule.hyperparameters if not h.is_switch}
    told: set[str] = set()
    for part in walk(state.invariant):
        if isinstance(part, Operation) and part.operator in REDUCTIONS | {GIVEN}:
            message = f"{part.operator} has no place in an invariant"
            yield Problem(message, part.location, "it says what holds for each element")
            return
        if isinstance(part, Name) and part.id not in known | told:
            told.add(part.id)
            what = "can't be used here" if part.id in (PARAM, GRAD) else "is not defined"
            message = f"the invariant of {state.name!r} speaks of {part.id!r}, which {what}"
            hint = nearest(part.id, known) or "it may use states, hyperparameters and counters"
            yield Problem(message, part.location, hint)
