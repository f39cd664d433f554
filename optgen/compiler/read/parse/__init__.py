"""Parse: Spec → Rule. Strings become typed steps, each with its guard."""

from __future__ import annotations

from dataclasses import replace

from optgen.compiler.ir.change import assigns_param
from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, rename
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.language import (
    COMPUTED,
    INPUT_SHAPES,
    OF_CALLS,
    STATE_SHAPES,
    VIEWS,
    language_of,
)
from optgen.compiler.ir.problem import Problem, Problems, SpecError, nearest
from optgen.compiler.ir.randomness import SEED
from optgen.compiler.ir.rule import (
    CHANGE,
    LEARNING_RATE,
    PARAM,
    Block,
    Hyperparameter,
    Input,
    Rule,
    State,
    Step,
)
from optgen.compiler.ir.spec import HyperparameterEntry, InputEntry, Spec, StateEntry, Text
from optgen.compiler.read.parse.dot_products import DotProducts
from optgen.compiler.read.parse.fallback import with_fallback
from optgen.compiler.read.parse.grammar import Grammar
from optgen.compiler.read.parse.guards import Guards
from optgen.compiler.read.parse.names import check_names, words_of
from optgen.compiler.read.parse.notation import notation
from optgen.compiler.read.parse.probes import probing, states_of
from optgen.compiler.read.parse.statements import Statements

#: The learning rate of a spec that declares none.
LEARNING_RATE_DEFAULT = 0.001


def parse(spec: Spec) -> Rule:
    """The rule of a spec.

    Raises SpecError with all problems found, and TooManyCasesError.
    """
    problems = Problems()
    if spec.is_function:
        message = f"{spec.name.value!r:.80} is a function, which is no rule by itself"
        raise SpecError([Problem(message, spec.name.location, "call it in a rule")])
    check_names(spec, problems)
    rule = _Parser(spec, problems).rule()
    if spec.fallback is not None and not problems:
        rule = with_fallback(rule, parse(spec.fallback.spec), spec.fallback, problems)
    if problems:
        raise SpecError(problems)
    return rule


class _Parser:
    def __init__(self, spec: Spec, problems: Problems) -> None:
        self._spec, self._problems, self._language = spec, problems, language_of(spec)
        entries = [self._hyperparameter(entry) for entry in spec.hyperparameters]
        self._is_optimizer = spec.slot is None and not spec.is_schedule
        if self._is_optimizer and all(entry.name != LEARNING_RATE for entry in entries):
            entries.insert(0, self._plain_learning_rate())
        self._hyperparameters = tuple(entries)
        known = {entry.name: entry for entry in entries}
        self._inputs = tuple(self._input(entry) for entry in spec.inputs)
        optional = {one.name for one in self._inputs if one.optional}
        self._guards = Guards(known, problems, has_view=spec.view is not None, optional=optional)
        self._guards.has_perturb = spec.perturb is not None
        self._statements = Statements(spec, self._language, self._guards, problems)

    def rule(self) -> Rule:
        spec = self._spec
        when = self._condition(spec.when, ALWAYS)
        steps = self._statements.steps(spec.rule, when)
        ending = _ending(steps) if self._is_optimizer else ()
        block = Block(
            name=spec.name.value if spec.slot is not None else spec.module,
            summary=spec.summary,
            steps=(*steps, *ending),
            slot=spec.slot,
            when=when,
            proceed=self._expression(spec.proceed),
            otherwise=self._statements.steps(spec.otherwise, when),
            perturb=self._statements.steps(spec.perturb, when),
            exclusive=spec.exclusive,
            before=spec.before,
            after=spec.after,
            every_variable=spec.every_variable,
        )
        if block.proceed is not None:
            self._guards.note(block.proceed)
        states = tuple(self._state(entry, when) for entry in spec.states)
        block = DotProducts(states, self._inputs, words_of(spec)).written_out(block)
        if self._statements.draws and all(h.name != SEED for h in self._hyperparameters):
            self._hyperparameters += (self._plain_seed(),)
        if self._statements.has_probes and self._is_optimizer:
            self._hyperparameters += (probing(spec.name.location),)
        states += states_of(block, states, self._inputs, self._problems, self._guards.atoms)
        self._mark("rank", self._spec.rank, may_be_none=False)
        self._mark("block", self._spec.block, may_be_none=True)
        return Rule(
            name=spec.name.value,
            module=spec.module,
            path=spec.path,
            hyperparameters=self._hyperparameters,
            states=states,
            blocks=(replace(block, branches=tuple(self._statements.branches)),),
            atoms=self._guards.atoms,
            summary=spec.summary,
            reference=spec.reference,
            label=spec.label or (spec.name.value if spec.is_schedule else ""),
            notation="" if self._problems else "\n".join(notation(spec, len(ending))),
            position=spec.position,
            defaults=spec.defaults,
            torch=spec.torch,
            location=spec.name.location,
            digests=spec.digests,
            is_schedule=spec.is_schedule,
            view=self._view(),
            view_at=spec.view.location if spec.view is not None else None,
            compute=self._compute(),
            compute_at=spec.compute.location if spec.compute is not None else None,
            inputs=self._inputs,
            evaluation=self._expression(spec.evaluate),
        )

    def _view(self) -> str:
        """How variables are viewed as matrices."""
        view = self._spec.view
        if view is None:
            return ""
        if view.value not in VIEWS:
            hint = nearest(view.value, VIEWS) or f"views are {', '.join(map(repr, VIEWS))}"
            self._problems.add(f"{view.value!r:.60} is no view", view.location, hint)
        return view.value

    def _mark(self, what: str, name: Text | None, *, may_be_none: bool) -> None:
        """Mark the hyperparameter that bounds the sides of matrices with a rank, or of blocks."""
        if name is None:
            return
        if self._spec.view is None:
            message = f"there are no matrices that {name.value!r:.60} could bound sides of"
            self._problems.add(message, name.location, 'add view = "first by rest", or another')
        of_numbers = (h for h in self._hyperparameters if h.integer and not h.bounds)
        whole = {h.name for h in of_numbers if may_be_none or not h.optional}
        if name.value not in whole:
            message = f"the {what} {name.value!r:.60} is no hyperparameter of whole numbers"
            hint = "declare it: { default = 4, integer = true, range = … >= 1 }"
            self._problems.add(message, name.location, nearest(name.value, whole) or hint)
        self._hyperparameters = tuple(
            replace(h, bounds=what) if h.name == name.value else h for h in self._hyperparameters
        )

    def _compute(self) -> str:
        """The type of the arithmetic of products of matrices."""
        compute = self._spec.compute
        if compute is None:
            return ""
        if compute.value not in COMPUTED:
            known = " or ".join(map(repr, COMPUTED))
            hint = f"write {known}, or leave it out for the variables' own"
            message = f"products aren't computed in {compute.value!r:.60}"
            self._problems.add(message, compute.location, hint)
        return compute.value

    def _plain_learning_rate(self) -> Hyperparameter:
        location = self._spec.name.location
        return Hyperparameter(
            LEARNING_RATE, LEARNING_RATE_DEFAULT, location, _at_least_zero(LEARNING_RATE)
        )

    def _plain_seed(self) -> Hyperparameter:
        """The hyperparameter that decides random numbers, after all others."""
        doc = "Decides the random numbers of a run."
        at, bounds = self._spec.name.location, _at_least_zero(SEED)
        return Hyperparameter(SEED, 0, at, bounds, doc, integer=True, after_name=True)

    def _hyperparameter(self, entry: HyperparameterEntry) -> Hyperparameter:
        bounds, name = self._expression(entry.range), entry.name.value
        if bounds is not None and entry.of_list:
            bounds = rename(bounds, {entry.of_list: name})
        if bounds is None and name == LEARNING_RATE:
            bounds = _at_least_zero(LEARNING_RATE)
        return Hyperparameter(
            name=name,
            default=entry.default,
            location=entry.name.location,
            range=bounds,
            doc=entry.doc,
            optional=entry.optional,
            integer=entry.integer,
            required=entry.required,
            is_list=entry.is_list,
            after_name=entry.after_name,
            excluded=entry.excluded,
            scales_loss=entry.scales_loss,
            replaces=entry.replaces,
            default_at=entry.default_at,
            excluded_at=entry.excluded_at,
        )

    def _state(self, entry: StateEntry, block: Condition) -> State:
        invariant = self._expression(entry.invariant)
        if invariant is not None and entry.inside:
            invariant = rename(invariant, {entry.inside: entry.name.value})
        return State(
            name=entry.name.value,
            location=entry.name.location,
            when=block & self._condition(entry.when, block),
            initial=entry.initial.value if isinstance(entry.initial, Text) else entry.initial,
            invariant=invariant,
            doc=entry.doc,
            stands_in=entry.stands_in,
            extent=self._extent(entry.shape),
            is_of_calls=entry.shape is not None and entry.shape.value == OF_CALLS,
            initial_at=entry.initial.location if isinstance(entry.initial, Text) else None,
        )

    def _input(self, entry: InputEntry) -> Input:
        shape, extent = entry.shape, Extent.ELEMENT
        if shape is not None:
            extent = INPUT_SHAPES.get(shape.value, extent)
            if shape.value not in INPUT_SHAPES:
                hint = f"one of {', '.join(INPUT_SHAPES)}"
                message = f"{shape.value!r:.60} is no shape of an input"
                self._problems.add(message, shape.location, hint)
        return Input(entry.name.value, entry.name.location, extent, entry.optional, entry.doc)

    def _extent(self, shape: Text | None) -> Extent:
        """The extent of a state; numbers that only calls decide are kept for each variable."""
        if shape is None:
            return Extent.ELEMENT
        if shape.value not in STATE_SHAPES:
            hint = f"one of {', '.join(STATE_SHAPES)}"
            self._problems.add(f"{shape.value!r:.60} is no shape of a state", shape.location, hint)
        return STATE_SHAPES.get(shape.value, Extent.ELEMENT)

    def _expression(self, text: Text | None) -> Expression | None:
        if text is None:
            return None
        return Grammar(text, "eval", self._problems, self._language).expression()

    def _condition(self, text: Text | None, around: Condition) -> Condition:
        expression = self._expression(text)
        if expression is None:
            return ALWAYS
        return self._statements.branch(expression, around, of_calls=False)


def _ending(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The last step of an optimizer's rule that leaves it to its change."""
    last = {step.target: step.location for step in steps}
    if CHANGE not in last or assigns_param(steps):
        return ()
    at = last[CHANGE]
    changed = Operation("-", (Name(PARAM, at), Name(CHANGE, at)), at)
    return (Step(PARAM, changed, ALWAYS, at),)


def _at_least_zero(name: str) -> Expression:
    return Operation(">=", (Name(name), Number(0)))
