"""Parse: Spec → Rule. Strings become typed steps, each with its guard."""

from __future__ import annotations

import ast

from optgen.compiler.nouns.condition import ALWAYS, Condition, TooManyCasesError
from optgen.compiler.nouns.expression import Expression, Name, Number, Operation
from optgen.compiler.nouns.problem import Problem, SpecError
from optgen.compiler.nouns.rule import LEARNING_RATE, Block, Hyperparameter, Rule, State, Step
from optgen.compiler.nouns.spec import HyperparameterEntry, Spec, StateEntry, Text
from optgen.compiler.parse.grammar import Grammar, instead
from optgen.compiler.parse.guards import Guards
from optgen.compiler.parse.names import check_names, fault

#: What a spec gets that declares no learning rate of its own.
LEARNING_RATE_DEFAULT = 0.001


def parse(spec: Spec) -> Rule:
    """The rule that a spec states. Raises SpecError with every problem found."""
    problems: list[Problem] = []
    check_names(spec, problems)
    try:
        rule = _Parser(spec, problems).rule()
    except TooManyCasesError:
        message = "its conditions fall into too many cases"
        problems.append(Problem(message, spec.rule.location, "nest fewer and, or and not"))
    if problems:
        raise SpecError(problems)
    return rule


class _Parser:
    def __init__(self, spec: Spec, problems: list[Problem]) -> None:
        self._spec, self._problems = spec, problems
        entries = [self._hyperparameter(entry) for entry in spec.hyperparameters]
        if spec.slot is None and all(entry.name != LEARNING_RATE for entry in entries):
            entries.insert(0, self._plain_learning_rate())
        self._hyperparameters = tuple(entries)
        self._guards = Guards({entry.name: entry for entry in entries}, problems)

    def rule(self) -> Rule:
        spec = self._spec
        when = self._condition(spec.when)
        block = Block(
            name=spec.name.value if spec.slot is not None else spec.module,
            summary=spec.summary,
            steps=self._steps(spec.rule),
            slot=spec.slot,
            when=when,
            proceed=self._expression(spec.proceed),
            otherwise=self._steps(spec.otherwise),
            exclusive=spec.exclusive,
            before=spec.before,
            after=spec.after,
            every_variable=spec.every_variable,
        )
        return Rule(
            name=spec.name.value,
            module=spec.module,
            path=spec.path,
            hyperparameters=self._hyperparameters,
            states=tuple(self._state(entry, when) for entry in spec.states),
            blocks=(block,),
            atoms=self._guards.atoms,
            summary=spec.summary,
            reference=spec.reference,
            label=spec.label or spec.module,
            notation=spec.rule.value.strip("\n"),
            position=spec.position,
            defaults=spec.defaults,
            location=spec.name.location,
            digests=spec.digests,
        )

    def _plain_learning_rate(self) -> Hyperparameter:
        location = self._spec.name.location
        return Hyperparameter(
            LEARNING_RATE, LEARNING_RATE_DEFAULT, location, _at_least_zero(LEARNING_RATE)
        )

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
            excluded=entry.excluded,
        )

    def _state(self, entry: StateEntry, block: Condition) -> State:
        initial = entry.initial.value if isinstance(entry.initial, Text) else entry.initial
        return State(
            name=entry.name.value,
            location=entry.name.location,
            when=block & self._condition(entry.when),
            initial=initial,
            invariant=self._expression(entry.invariant),
            doc=entry.doc,
        )

    def _expression(self, text: Text | None) -> Expression | None:
        return None if text is None else Grammar(text, self._problems).expression()

    def _condition(self, text: Text | None) -> Condition:
        expression = self._expression(text)
        condition = None if expression is None else self._guards.read(expression)
        return ALWAYS if condition is None else condition

    def _steps(self, text: Text | None) -> tuple[Step, ...]:
        if text is None:
            return ()
        grammar = Grammar(text, self._problems)
        return tuple(self._flatten(grammar, grammar.statements(), ALWAYS))

    def _flatten(
        self, grammar: Grammar, statements: list[ast.stmt], guard: Condition
    ) -> list[Step]:
        """Nested ifs as a list of steps, each with all the conditions that lead to it."""
        steps: list[Step] = []
        for node in statements:
            match node:
                case ast.Assign(targets=[ast.Name(id=target)]):
                    steps += self._assignment(grammar, node, target, guard)
                case ast.If():
                    test = grammar.convert(node.test)
                    condition = None if test is None else self._guards.read(test)
                    if condition is None:
                        condition = ALWAYS
                    steps += self._flatten(grammar, node.body, guard & condition)
                    steps += self._flatten(grammar, node.orelse, guard & ~condition)
                case ast.Pass():
                    pass
                case _:
                    kind = type(node).__name__
                    message = f"{kind} is not part of the language"
                    self._problems.append(Problem(message, grammar.at(node), instead(node)))
        return steps

    def _assignment(
        self, grammar: Grammar, node: ast.Assign, target: str, guard: Condition
    ) -> list[Step]:
        location = grammar.at(node.targets[0])
        message = fault(target)
        if message:
            self._problems.append(Problem(message, location))
        expression = grammar.convert(node.value)
        if expression is None:
            # The step stays, with a stand-in, so that later uses of its target are no news.
            expression = Number(0, location)
        return [Step(target, expression, guard, location)]


def _at_least_zero(name: str) -> Expression:
    return Operation(">=", (Name(name), Number(0)))
