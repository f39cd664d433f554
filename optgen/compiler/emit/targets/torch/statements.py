"""The steps of a program as lines, in the order of the rule."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace

from optgen.compiler.emit.layout import Line
from optgen.compiler.emit.targets.torch.expressions import Expressions
from optgen.compiler.emit.targets.torch.kinds import Kinds
from optgen.compiler.emit.targets.torch.nodes import call, method, parsed, written
from optgen.compiler.ir.condition import NEVER, Case, Condition
from optgen.compiler.ir.expression import Name, Number, is_boolean, names
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.extents import Extents
from optgen.compiler.ir.plan import Plan, Program
from optgen.compiler.ir.randomness import SEED, has_draws
from optgen.compiler.ir.reserved import CHECK_FINITE, CONSTRAINED
from optgen.compiler.ir.rule import PARAM, STEP, Rule, Step

Owned = tuple[Step, str]
#: Parameters of torch have no constraints, and nothing here searches gradients for infinities.
_KNOWN: Case = ((CONSTRAINED, False), (CHECK_FINITE, False))


class ProgramLines:
    """The lines of a program, and the names that they need.

    ``names`` are the identifiers of names that are spelled otherwise; ``known`` are switches that
    are the same in all calls.
    """

    def __init__(
        self, plan: Plan, program: Program, names: Mapping[str, str], known: Case = ()
    ) -> None:
        self._rule, self._guards = plan.rule, {one.name: one.guard for one in plan.every_buffer}
        self.steps = [*_possible(plan.rule, program, (*_KNOWN, *known))]
        self._known = known
        steps = [step for step, _ in self.steps]
        self.extents = Extents(plan.rule.states, steps, plan.rule.inputs, calls=Extent.TENSOR)
        kinds = Kinds(plan.rule, steps)
        narrow = bool(plan.rule.compute)
        self.expressions = Expressions(self.extents, kinds, names, narrow=narrow)
        self._kinds, self._yielded = kinds, 0
        self.body = [line for step, block in self.steps for line in self._lines(step, block)]

    @property
    def yields(self) -> bool:
        """Whether it needs sums over all parameters."""
        return any(" = yield " in line.text for line in self.body)

    def used(self) -> dict[str, Condition]:
        """The names that the steps use or assign, each with where they do."""
        found: dict[str, Condition] = {}
        for step, _ in self.steps:
            every = [*names(step.expression), step.target]
            every += [SEED, STEP] if has_draws(step.expression) else []
            for name in every:
                found[name] = found.get(name, NEVER) | step.guard
        return found

    def stored(self) -> Iterator[tuple[str, Condition]]:
        """The parameter and the states that it assigns, each with where it does."""
        for name in (PARAM, *(state.name for state in self._rule.states)):
            guard = NEVER
            for step, _ in self.steps:
                guard = guard | step.guard if step.target == name else guard
            if guard.cases:
                yield name, guard

    def loaded(self) -> Iterator[tuple[str, Condition]]:
        """The states that are there, each with where it is."""
        used = self.used()
        for state in self._rule.states:
            guard = self._guards[state.name].given((*_KNOWN, *self._known))
            if state.name in used and guard.cases:
                yield state.name, guard

    def _lines(self, step: Step, block: str) -> Iterator[Line]:
        of = self.expressions
        of.parts, of.target = [], step.target
        tree = self._fitting(step, of(step.expression))
        for name, part in of.parts:
            yield Line(f"{name} = yield {self._yielded}, {written(part)}", step.guard, block)
            self._yielded += 1
        yield Line(f"{of.name(step.target)} = {written(tree)}", step.guard, block)

    def _fitting(self, step: Step, tree: ast.expr) -> ast.expr:
        """A value in the form of what it is assigned to."""
        target, of = step.target, self.expressions
        own = self.extents.name(target)
        if target not in self._kinds.tensors:
            return tree
        is_state = any(state.name == target for state in self._rule.states)
        like = parsed(of.name(target if is_state else PARAM))
        is_array = is_state or own is Extent.ELEMENT
        if not self._kinds.is_tensor(step.expression):
            if not is_state:
                return of.tensor(tree, own)
            if step.expression == Number(0):
                return call("torch.zeros_like", like)
            return call("torch.full_like", like, tree)
        if is_state and step.expression == Name(PARAM):
            # The parameter changes in place later.
            return method(tree, "clone")
        found = self.extents.of(step.expression)
        if is_array and found < own and not is_boolean(step.expression):
            return method(tree, "expand_as", like)
        return tree


def _possible(rule: Rule, program: Program, known: Case) -> Iterator[Owned]:
    """The steps that may run, where some switches are known, without those of probes."""
    observers = {block.name for block in rule.blocks if block.observes}
    probes = {state.name for state in rule.states if state.is_probe}
    for step, block in program.steps:
        if block in observers or step.target in probes:
            continue
        guard = step.guard.given(known)
        if guard.cases:
            yield replace(step, guard=guard), block
