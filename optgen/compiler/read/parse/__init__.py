"""Parse: Spec → Rule. Strings become typed steps, each with its guard."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TypeGuard

from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, rewrite
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.language import INPUT_SHAPES, OF_CALLS, STATE_SHAPES, VIEWS, language_of
from optgen.compiler.ir.problem import Problems, SpecError, nearest
from optgen.compiler.ir.randomness import SEED
from optgen.compiler.ir.rule import (
    LEARNING_RATE,
    Block,
    Branch,
    Hyperparameter,
    Input,
    Rule,
    State,
    Step,
)
from optgen.compiler.ir.spec import HyperparameterEntry, InputEntry, Spec, StateEntry, Text
from optgen.compiler.read.parse.grammar import Grammar
from optgen.compiler.read.parse.guards import Guards
from optgen.compiler.read.parse.names import check_names, fault

#: The learning rate of a spec that declares none.
LEARNING_RATE_DEFAULT = 0.001


def parse(spec: Spec) -> Rule:
    """The rule of a spec.

    Raises SpecError with all problems found, and TooManyCasesError.
    """
    problems = Problems()
    check_names(spec, problems)
    rule = _Parser(spec, problems).rule()
    if problems:
        raise SpecError(problems)
    return rule


class _Parser:
    def __init__(self, spec: Spec, problems: Problems) -> None:
        self._spec, self._problems, self._language = spec, problems, language_of(spec)
        entries = [self._hyperparameter(entry) for entry in spec.hyperparameters]
        is_optimizer = spec.slot is None and not spec.is_schedule
        if is_optimizer and all(entry.name != LEARNING_RATE for entry in entries):
            entries.insert(0, self._plain_learning_rate())
        self._hyperparameters = tuple(entries)
        known = {entry.name: entry for entry in entries}
        self._has_draws = False
        self._inputs = tuple(self._input(entry) for entry in spec.inputs)
        optional = {one.name for one in self._inputs if one.optional}
        self._guards = Guards(known, problems, has_view=spec.view is not None, optional=optional)
        self._branches: list[Branch] = []
        self._bad_names: set[str] = set()
        entries_named = (*spec.states, *spec.inputs)
        self._declared = {*known, *(entry.name.value for entry in entries_named)}
        self._aliases: dict[str, str] = {}

    def rule(self) -> Rule:
        spec = self._spec
        when = self._condition(spec.when, ALWAYS)
        block = Block(
            name=spec.name.value if spec.slot is not None else spec.module,
            summary=spec.summary,
            steps=self._steps(spec.rule, when),
            slot=spec.slot,
            when=when,
            proceed=self._expression(spec.proceed),
            otherwise=self._steps(spec.otherwise, when),
            exclusive=spec.exclusive,
            before=spec.before,
            after=spec.after,
            every_variable=spec.every_variable,
        )
        if block.proceed is not None:
            self._guards.note(block.proceed)
        states = tuple(self._state(entry, when) for entry in spec.states)
        if self._has_draws and all(h.name != SEED for h in self._hyperparameters):
            self._hyperparameters += (self._plain_seed(),)
        return Rule(
            name=spec.name.value,
            module=spec.module,
            path=spec.path,
            hyperparameters=self._hyperparameters,
            states=states,
            blocks=(replace(block, branches=tuple(self._branches)),),
            atoms=self._guards.atoms,
            summary=spec.summary,
            reference=spec.reference,
            label=spec.label or (spec.name.value if spec.is_schedule else ""),
            notation=spec.rule.value.strip("\n"),
            position=spec.position,
            defaults=spec.defaults,
            torch=spec.torch,
            location=spec.name.location,
            digests=spec.digests,
            is_schedule=spec.is_schedule,
            view=self._view(),
            inputs=self._inputs,
            average=self._expression(spec.average),
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
        bounds = self._expression(entry.range)
        if bounds is None and entry.name.value == LEARNING_RATE:
            bounds = _at_least_zero(LEARNING_RATE)
        return Hyperparameter(
            name=entry.name.value,
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
            default_at=entry.default_at,
            excluded_at=entry.excluded_at,
        )

    def _state(self, entry: StateEntry, block: Condition) -> State:
        return State(
            name=entry.name.value,
            location=entry.name.location,
            when=block & self._condition(entry.when, block),
            initial=entry.initial.value if isinstance(entry.initial, Text) else entry.initial,
            invariant=self._expression(entry.invariant),
            doc=entry.doc,
            stands_in=entry.stands_in,
            extent=self._extent(entry.shape),
            is_of_calls=entry.shape is not None and entry.shape.value == OF_CALLS,
            initial_at=entry.initial.location if isinstance(entry.initial, Text) else None,
        )

    def _input(self, entry: InputEntry) -> Input:
        shape, extent = entry.shape, Extent.ELEMENT
        if shape is not None:
            extent = INPUT_SHAPES.get(shape.value, Extent.ELEMENT)
            if shape.value not in INPUT_SHAPES:
                hint = nearest(shape.value, INPUT_SHAPES) or f"one of {', '.join(INPUT_SHAPES)}"
                message = f"{shape.value!r:.60} is no shape of an input"
                self._problems.add(message, shape.location, hint)
        return Input(entry.name.value, entry.name.location, extent, entry.optional, entry.doc)

    def _extent(self, shape: Text | None) -> Extent:
        """The extent of a state; numbers that only calls decide are kept for each variable."""
        if shape is None:
            return Extent.ELEMENT
        if shape.value not in STATE_SHAPES:
            hint = nearest(shape.value, STATE_SHAPES) or f"one of {', '.join(STATE_SHAPES)}"
            self._problems.add(f"{shape.value!r:.60} is no shape of a state", shape.location, hint)
        return STATE_SHAPES.get(shape.value, Extent.ELEMENT)

    def _expression(self, text: Text | None) -> Expression | None:
        if text is None:
            return None
        return Grammar(text, "eval", self._problems, self._language).expression()

    def _condition(self, text: Text | None, around: Condition) -> Condition:
        expression = self._expression(text)
        return ALWAYS if expression is None else self._branch(expression, around, of_calls=False)

    def _branch(
        self, test: Expression, around: Condition, has_else: bool = False, *, of_calls: bool = True
    ) -> Condition:
        condition = self._guards.read(test, around, of_calls=of_calls)
        if condition is None:
            return ALWAYS
        self._branches.append(Branch(around, condition, test.location, has_else))
        return condition

    def _steps(self, text: Text | None, when: Condition) -> tuple[Step, ...]:
        if text is None:
            return ()
        grammar = Grammar(text, "exec", self._problems, self._language)
        statements = grammar.statements()
        own = {n.id for s in statements for n in ast.walk(s) if _is_target(n)} | self._declared
        self._aliases = {k: v for k, v in self._language.aliases.items() if k not in own}
        steps = tuple(self._flatten(grammar, statements, when, ALWAYS))
        self._has_draws = self._has_draws or grammar.draws > 0
        return steps

    def _flatten(
        self, grammar: Grammar, statements: list[ast.stmt], when: Condition, guard: Condition
    ) -> list[Step]:
        """Flatten nested ifs into a list of steps, each with the conjunction of its conditions."""
        steps: list[Step] = []
        for node in statements:
            match node:
                case ast.Assign(targets=[ast.Name(id=target)]):
                    steps += self._assignment(grammar, node, target, guard)
                case ast.If():
                    test = grammar.convert(node.test)
                    condition = ALWAYS
                    if test is not None:
                        condition = self._branch(test, when & guard, bool(node.orelse))
                    steps += self._flatten(grammar, node.body, when, guard & condition)
                    steps += self._flatten(grammar, node.orelse, when, guard & ~condition)
                case ast.Pass():
                    pass
                case _:
                    grammar.refuse(node)
        return steps

    def _unaliased(self, part: Expression) -> Expression | None:
        """What a predeclared name stands for that the spec doesn't use for a value of its own."""
        if isinstance(part, Name) and part.id in self._aliases:
            return Name(self._aliases[part.id], part.location)
        return None

    def _assignment(
        self, grammar: Grammar, node: ast.Assign, target: str, guard: Condition
    ) -> list[Step]:
        location = grammar.at(node.targets[0])
        message = fault(target, self._language)
        if message and target not in self._bad_names:
            self._bad_names.add(target)
            self._problems.add(message, location)
        expression = grammar.convert(node.value)
        if expression is None:
            return []
        self._guards.note(expression)
        expression = rewrite(expression, self._unaliased)
        return [Step(target, expression, guard, location)]


def _is_target(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _at_least_zero(name: str) -> Expression:
    return Operation(">=", (Name(name), Number(0)))
