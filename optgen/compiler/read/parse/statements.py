"""Statements: the lines of a rule as steps, each with the conditions around it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import (
    Expression,
    Name,
    Number,
    Operation,
    rewrite,
    walk,
)
from optgen.compiler.ir.language import Language
from optgen.compiler.ir.problem import Location, Problems, nearest
from optgen.compiler.ir.randomness import DRAWS
from optgen.compiler.ir.reserved import PROBING
from optgen.compiler.ir.rule import CHANGE, GRAD, PARAM, Branch, Step
from optgen.compiler.ir.spec import Spec, Text
from optgen.compiler.read.parse.functions import parse_functions, with_arities
from optgen.compiler.read.parse.grammar import Grammar
from optgen.compiler.read.parse.guards import Guards
from optgen.compiler.read.parse.inline import Inliner
from optgen.compiler.read.parse.items import Items, list_of
from optgen.compiler.read.parse.lines import names_of, written_out
from optgen.compiler.read.parse.lists import Lists, pushed
from optgen.compiler.read.parse.names import assigned_in, fault, free_name, words_of
from optgen.compiler.read.parse.probes import probe

#: The bound limits the work on hostile specs.
MOST_PARTS = 32


class Statements:
    """Flattens the statements of one spec; calls are inlined, and loops over lists unrolled."""

    def __init__(self, spec: Spec, language: Language, guards: Guards, problems: Problems) -> None:
        self._language, self._guards, self._problems = language, guards, problems
        self._lists, self._taken = Lists.of(spec), words_of(spec)
        # Only statements may call functions of specs.
        self._callable = with_arities(language, spec.functions, self._lists.functions)
        functions = parse_functions(spec.functions, problems)
        self._several = {f.name: f.results for f in functions.values() if len(f.results) > 1}
        self._inliner = Inliner(functions, self._taken, problems)
        self._bad_names: set[str] = set()
        self._parts = {str(name): text for name, text in spec.parts}
        #: The parts that the current line is in, and how many have been taken in.
        self._open: list[str] = []
        self._count = 0
        self._declared = {*language.names, *self._lists.items}
        self._declared |= {one.name.value for one in spec.hyperparameters}
        self._declared |= {given.name.value for given in spec.inputs}
        self._declared |= {state.inside or state.name.value for state in spec.states}
        self._assigned = {PARAM, GRAD, CHANGE}
        self._item = Items(self._lists, self._taken)
        #: Names that the spec has for values of its own.
        self._own = self._declared | assigned_in(spec)
        self.branches: list[Branch] = []
        self._is_switched, self.has_probes = spec.slot is None, False
        #: How many random numbers the steps draw.
        self.draws = 0

    def steps(self, text: Text | None, when: Condition) -> tuple[Step, ...]:
        """The steps of a text that runs under a condition."""
        if text is None:
            return ()
        grammar = Grammar(text, "exec", self._problems, self._callable)
        return tuple(map(self._drawn, self._flatten(grammar, grammar.statements(), when, ALWAYS)))

    def _drawn(self, step: Step) -> Step:
        """The step with random numbers of its own."""

        def change(part: Expression) -> Expression | None:
            if not isinstance(part, Operation) or part.operator not in DRAWS:
                return None
            self.draws += 1
            return replace(part, operands=(Number(self.draws),))

        return replace(step, expression=rewrite(step.expression, change))

    def _unaliased(self, part: Expression) -> Expression | None:
        """What a predeclared name stands for that the spec doesn't use for a value of its own."""
        if isinstance(part, Name) and part.id not in self._own:
            alias = self._language.aliases.get(part.id)
            return None if alias is None else Name(alias, part.location)
        return None

    def branch(
        self, test: Expression, around: Condition, has_else: bool = False, *, of_calls: bool = True
    ) -> Condition:
        """A static condition, recorded; always, with a problem, if it isn't static."""
        condition = self._guards.read(test, around, of_calls=of_calls)
        if condition is None:
            return ALWAYS
        self.branches.append(Branch(around, condition, test.location, has_else))
        return condition

    def _flatten(
        self, grammar: Grammar, statements: list[ast.stmt], when: Condition, guard: Condition
    ) -> Iterator[Step]:
        """Nested ifs as a list of steps, each with the conjunction of its conditions."""
        for node in statements:
            match node:
                case ast.Assign(targets=[_]):
                    yield from self._assigned_by(grammar, node, when, guard)
                case ast.If():
                    test = self._converted(grammar, node.test)
                    condition = ALWAYS
                    if test is not None:
                        condition = self.branch(test, when & guard, bool(node.orelse))
                    yield from self._flatten(grammar, node.body, when, guard & condition)
                    yield from self._flatten(grammar, node.orelse, when, guard & ~condition)
                case ast.For(target=ast.Name(), orelse=[]) if self._lists.items and list_of(node):
                    yield from self._loop(grammar, node, when, guard)
                case ast.Expr(value=ast.Name(id=name)) if name in self._parts:
                    yield from self._taken_in(grammar, node, name, when, guard)
                case ast.While(orelse=[]):
                    for _ in range(grammar.rounds(node)):
                        yield from self._flatten(grammar, node.body, when, guard)
                case ast.Raise() | ast.Pass():
                    yield from self._probe(grammar, node, guard)
                case _:
                    grammar.refuse(node)

    def _assigned_by(
        self, grammar: Grammar, node: ast.Assign, when: Condition, guard: Condition
    ) -> Iterator[Step]:
        """The steps of a line with an assignment."""
        match node.targets[0], node.value:
            case ast.Name(), ast.IfExp() as choice:
                yield from self._flatten(grammar, [written_out(node, choice)], when, guard)
            case ast.Name(id=target), _:
                yield from self._assignment(grammar, node, target, guard)
            case ast.Tuple(elts=names), ast.Call(func=ast.Name(id=f)) if f in self._several:
                yield from self._assignments(grammar, node, names, guard)
            case _:
                grammar.refuse(node)

    def _probe(
        self, grammar: Grammar, node: ast.Raise | ast.Pass, guard: Condition
    ) -> Iterator[Step]:
        """A value that is kept for users, where the switch of the spec is on; none for a pass."""
        found = grammar.probed(node) if isinstance(node, ast.Raise) else None
        if found is not None:
            self.has_probes = True
            on = ALWAYS
            if self._is_switched:
                on, self._guards.atoms[PROBING] = Condition.of(PROBING), Name(PROBING)
            yield probe(self._item.target(found.id), guard & on, grammar.at(found))

    def _taken_in(
        self, grammar: Grammar, node: ast.stmt, name: str, when: Condition, guard: Condition
    ) -> Iterator[Step]:
        """The lines of a part, or of another rule."""
        self._count += 1
        message = ""
        if name in self._open:
            message = f"the part {name!r} takes itself in"
        elif self._count > MOST_PARTS:
            message = f"more than {MOST_PARTS} parts are taken in"
        if message:
            if self._count <= MOST_PARTS + 1:
                self._problems.add(message, grammar.at(node), "write the lines out")
            return
        inner = Grammar(self._parts[name], "exec", self._problems, self._callable)
        self._open.append(name)
        yield from self._flatten(inner, inner.statements(), when, guard)
        self._open.pop()

    def _loop(
        self, grammar: Grammar, node: ast.For, when: Condition, guard: Condition
    ) -> Iterator[Step]:
        """The body of a loop, once for each item of a list; its values are the item's own."""
        assert isinstance(node.target, ast.Name)
        over = list_of(node)
        assert over is not None
        item, listed = node.target.id, over.id
        message, hint = fault(item, self._language), ""
        if listed not in self._lists.items:
            message = f"{listed!r:.80} is not a list"
            hint = nearest(listed, self._lists.items) or "declare it with list = true"
        elif item in self._declared:
            message, hint = f"{item!r} is declared already", "give the item another name"
        elif self._item.names:
            message, hint = "a loop inside of a loop", "write one of them out"
        if message:
            self._problems.add(message, grammar.at(over), hint)
            return
        targets = {
            part.id
            for statement in node.body
            for part in ast.walk(statement)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        }
        own = sorted(targets - self._assigned - {*self._lists.states.get(listed, ())})
        for _ in self._item.each(node, listed, item, own):
            yield from self._flatten(grammar, node.body, when, guard)

    def _converted(self, grammar: Grammar, node: ast.expr) -> Expression | None:
        """An expression, with the names of the item that a loop is at."""
        found = grammar.convert(node)
        if found is None:
            return None
        expression = rewrite(self._item.meant(found), self._unaliased)
        for part in walk(expression):
            message = hint = ""
            if isinstance(part, Name):
                message, hint = self._lists.misused(part.id)
            elif isinstance(part, Operation):
                message, hint = self._lists.misapplied(part)
            if message:
                self._problems.add(message, part.location, hint)
                return None
        return expression

    def _assignment(
        self, grammar: Grammar, node: ast.Assign, target: str, guard: Condition
    ) -> list[Step]:
        location = grammar.at(node.targets[0])
        self._check_target(target, location)
        if target in self._lists.queued and target not in self._item.names:
            values = [*self._pushed(grammar, node.value, target)]
        else:
            found = self._converted(grammar, node.value)
            values = [] if found is None else [(self._item.target(target), found)]
        written = [Step(name, value, guard, location) for name, value in values]
        return self._noted(one for step in written for one in self._inliner.inline(step))

    def _assignments(
        self, grammar: Grammar, node: ast.Assign, targets: Sequence[ast.expr], guard: Condition
    ) -> list[Step]:
        """The results of one call under several names."""
        call = self._converted(grammar, node.value)
        if not isinstance(call, Operation):
            return []
        results = self._several[call.operator]
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
            if one.id in self._lists.queued and one.id not in self._item.names:
                message = f"{one.id!r} is a queue, which takes a value by a line of its own"
                self._problems.add(message, location, "give the result another name first")
            elif one.id in {step.target for step in steps}:
                self._problems.add(f"{one.id!r} is assigned twice here", location)
            steps.append(Step(self._item.target(one.id), call, guard, location))
        return self._noted(self._inliner.inline_several(steps, call))

    def _noted(self, steps: Iterable[Step]) -> list[Step]:
        found = [*steps]
        for one in found:
            self._guards.note(one.expression)
        return found

    def _check_target(self, target: str, location: Location) -> None:
        """Collect a problem, once, for a name that can't be assigned."""
        message, hint = fault(target, self._language), ""
        if target not in self._item.names and target not in self._lists.queued:
            message, hint = (message, "") if message else self._lists.misused(target)
            self._assigned.add(target)
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
            found = self._converted(grammar, part)
            if found is None:
                return
            if not isinstance(found, Name) or found.id in self._lists.queued[target]:
                # The values that it is computed from move, and it is needed for each of them.
                name = free_name(wish, self._taken)
                yield name, found
                found = Name(name, found.location)
            named.append(found)
        value, condition = (*named, None)[:2]
        assert value is not None
        yield from pushed(self._lists.queued[target], value, condition)
