"""Assignments: the steps that a line with one stands for."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import Expression, Name, Operation, rewrite, walk
from optgen.compiler.ir.language import Language
from optgen.compiler.ir.problem import Location, Problems
from optgen.compiler.ir.rule import CHANGE, GRAD, PARAM, Step
from optgen.compiler.ir.spec import Spec
from optgen.compiler.read.parse.functions import parse_functions, with_arities
from optgen.compiler.read.parse.grammar import Grammar
from optgen.compiler.read.parse.guards import Guards
from optgen.compiler.read.parse.inline import Inliner
from optgen.compiler.read.parse.items import Items
from optgen.compiler.read.parse.lines import names_of
from optgen.compiler.read.parse.lists import Lists, pushed
from optgen.compiler.read.parse.names import assigned_in, fault, free_name, words_of


class Assignments:
    """Reads the assignments of one spec: to values, to queues, and of several results at once."""

    def __init__(self, spec: Spec, language: Language, guards: Guards, problems: Problems) -> None:
        self._language, self._guards, self._problems = language, guards, problems
        self._taken = words_of(spec)
        self.lists = Lists.of(spec)
        # Only statements may call functions of specs.
        self.callable = with_arities(language, spec.functions, self.lists.functions)
        functions = parse_functions(spec.functions, problems)
        #: The results of functions that have more than one.
        self.several = {f.name: f.results for f in functions.values() if len(f.results) > 1}
        self._inliner = Inliner(functions, self._taken, problems)
        self._bad_names: set[str] = set()
        self.declared = {*language.names, *self.lists.items}
        self.declared |= {one.name.value for one in spec.hyperparameters}
        self.declared |= {given.name.value for given in spec.inputs}
        self.declared |= {state.inside or state.name.value for state in spec.states}
        #: The names that lines so far have assigned.
        self.targets = {PARAM, GRAD, CHANGE}
        #: The item of a list that a loop is at.
        self.item = Items(self.lists, self._taken)
        #: Names that the spec has for values of its own.
        self._own = self.declared | assigned_in(spec)

    def one(self, grammar: Grammar, node: ast.Assign, target: str, guard: Condition) -> list[Step]:
        """An assignment to a name; one to a queue moves its values."""
        location = grammar.at(node.targets[0])
        self._check_target(target, location)
        if target in self.lists.queued and target not in self.item.names:
            values = [*self._pushed(grammar, node.value, target)]
        else:
            found = self.expression(grammar, node.value)
            values = [] if found is None else [(self.item.target(target), found)]
        written = [Step(name, value, guard, location) for name, value in values]
        return self._noted(one for step in written for one in self._inliner.inline(step))

    def together(
        self, grammar: Grammar, node: ast.Assign, targets: Sequence[ast.expr], guard: Condition
    ) -> list[Step]:
        """The results of one call under several names."""
        call = self.expression(grammar, node.value)
        if not isinstance(call, Operation):
            return []
        results = self.several[call.operator]
        named = names_of(targets)
        if len(named) != len(results):
            message = f"{call.operator} has {len(results)} results, for as many names"
            hint = f"write {', '.join(results)} = {call.operator}(…)"
            self._problems.add(message, grammar.at(node.targets[0]), hint)
            return []
        steps: list[Step] = []
        for one in named:
            location = grammar.at(one)
            self._check_target(one.id, location)
            if one.id in self.lists.queued and one.id not in self.item.names:
                message = f"{one.id!r} is a queue, which takes a value by a line of its own"
                self._problems.add(message, location, "give the result another name first")
            elif one.id in {step.target for step in steps}:
                self._problems.add(f"{one.id!r} is assigned twice here", location)
            steps.append(Step(self.item.target(one.id), call, guard, location))
        return self._noted(self._inliner.inline_several(steps, call))

    def expression(self, grammar: Grammar, node: ast.expr) -> Expression | None:
        """An expression, with the names of the item that a loop is at."""
        found = grammar.convert(node)
        if found is None:
            return None
        expression = rewrite(self.item.meant(found), self._unaliased)
        for part in walk(expression):
            message = hint = ""
            if isinstance(part, Name):
                message, hint = self.lists.misused(part.id)
            elif isinstance(part, Operation):
                message, hint = self.lists.misapplied(part)
            if message:
                self._problems.add(message, part.location, hint)
                return None
        return expression

    def _unaliased(self, part: Expression) -> Expression | None:
        """What a predeclared name stands for that the spec doesn't use for a value of its own."""
        if isinstance(part, Name) and part.id not in self._own:
            alias = self._language.aliases.get(part.id)
            return None if alias is None else Name(alias, part.location)
        return None

    def _noted(self, steps: Iterable[Step]) -> list[Step]:
        found = [*steps]
        for one in found:
            self._guards.note(one.expression)
        return found

    def _check_target(self, target: str, location: Location) -> None:
        """Collect a problem, once, for a name that can't be assigned."""
        message, hint = fault(target, self._language), ""
        if target not in self.item.names and target not in self.lists.queued:
            message, hint = (message, "") if message else self.lists.misused(target)
            self.targets.add(target)
        if message and target not in self._bad_names:
            self._bad_names.add(target)
            self._problems.add(message, location, hint)

    def _pushed(
        self, grammar: Grammar, node: ast.expr, target: str
    ) -> Iterator[tuple[str, Expression]]:
        """What an assignment to a queue assigns, in order, to values and to new names."""
        parts = [node]
        match node:
            case ast.Call(
                func=ast.Name("where"), args=[test, newest, ast.Name(id=name)], keywords=[]
            ) if name == target:
                parts = [newest, test]
        named: list[Expression | None] = []
        for part, wish in zip(parts, (f"new_{target}", f"{target}_moves"), strict=False):
            found = self.expression(grammar, part)
            if found is None:
                return
            if not isinstance(found, Name) or found.id in self.lists.queued[target]:
                # The values that it is computed from move, and it is needed for each of them.
                name = free_name(wish, self._taken)
                yield name, found
                found = Name(name, found.location)
            named.append(found)
        value, condition = (*named, None)[:2]
        assert value is not None
        yield from pushed(self.lists.queued[target], value, condition)
