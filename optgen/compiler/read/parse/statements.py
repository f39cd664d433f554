"""Statements: the lines of a rule as steps, each with the conditions around it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import (
    Expression,
    Name,
    Number,
    Operation,
    rewrite,
)
from optgen.compiler.ir.language import Language
from optgen.compiler.ir.problem import Problems, nearest
from optgen.compiler.ir.randomness import DRAWS
from optgen.compiler.ir.reserved import PROBING
from optgen.compiler.ir.rule import Branch, Step
from optgen.compiler.ir.spec import Spec, Text
from optgen.compiler.read.parse.assignments import Assignments
from optgen.compiler.read.parse.grammar import Grammar
from optgen.compiler.read.parse.guards import Guards
from optgen.compiler.read.parse.items import list_of
from optgen.compiler.read.parse.lines import written_out
from optgen.compiler.read.parse.names import fault
from optgen.compiler.read.parse.probes import probe

#: The bound limits the work on hostile specs.
MOST_PARTS = 32


class Statements:
    """Flattens the statements of one spec; calls are inlined, and loops over lists unrolled."""

    def __init__(self, spec: Spec, language: Language, guards: Guards, problems: Problems) -> None:
        self._language, self._guards, self._problems = language, guards, problems
        self._assignments = Assignments(spec, language, guards, problems)
        self._lists, self._item = self._assignments.lists, self._assignments.item
        self._parts = {str(name): text for name, text in spec.parts}
        #: The parts that the current line is in, and how many have been taken in.
        self._open: list[str] = []
        self._count = 0
        self.branches: list[Branch] = []
        self._is_switched, self.has_probes = spec.slot is None, False
        #: How many random numbers the steps draw.
        self.draws = 0

    def steps(self, text: Text | None, when: Condition) -> tuple[Step, ...]:
        """The steps of a text that runs under a condition."""
        if text is None:
            return ()
        grammar = Grammar(text, "exec", self._problems, self._assignments.callable)
        return tuple(map(self._drawn, self._flatten(grammar, grammar.statements(), when, ALWAYS)))

    def _drawn(self, step: Step) -> Step:
        """The step with random numbers of its own."""

        def change(part: Expression) -> Expression | None:
            if not isinstance(part, Operation) or part.operator not in DRAWS:
                return None
            self.draws += 1
            return replace(part, operands=(*part.operands[:-1], Number(self.draws)))

        return replace(step, expression=rewrite(step.expression, change))

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
                    test = self._assignments.expression(grammar, node.test)
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
                yield from self._assignments.one(grammar, node, target, guard)
            case ast.Tuple(elts=names), ast.Call(func=ast.Name(id=f)) if (
                f in self._assignments.several
            ):
                yield from self._assignments.together(grammar, node, names, guard)
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
        inner = Grammar(self._parts[name], "exec", self._problems, self._assignments.callable)
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
        elif item in self._assignments.declared:
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
        own = sorted(targets - self._assignments.targets - {*self._lists.states.get(listed, ())})
        for _ in self._item.each(node, listed, item, own):
            yield from self._flatten(grammar, node.body, when, guard)
