"""Plan: Rule → Plan. Assigns each value to the call, the tensor or the element."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from optgen.compiler.ir.condition import ALWAYS, NEVER, Condition
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.plan import (
    Access,
    Assignment,
    Buffer,
    ElementPass,
    Plan,
    Program,
    Reduction,
    Scalars,
    Stage,
    expression_of,
)
from optgen.compiler.ir.reserved import CONSTRAINED
from optgen.compiler.ir.rule import GRAD, PARAM, Block, Rule, Step
from optgen.compiler.plan.lower import lower
from optgen.compiler.plan.passes import Passes
from optgen.compiler.plan.scalars import HostScalars
from optgen.compiler.plan.slices import Slice, backward, relative
from optgen.compiler.plan.switches import Switches

Owned = tuple[Step, str]


def make_plan(rule: Rule) -> Plan:
    """The programs that execute a composed rule."""
    return _Planner(rule).plan()


class _Planner:
    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._switches = Switches(rule)
        self._host = HostScalars(rule, self._switches.names)
        whens = [(block.exclusive, self._switches.translate(block.when)) for block in rule.blocks]
        self._impossible = [
            left & right
            for (one, left), (other, right) in combinations(whens, 2)
            if one and one == other
        ]
        self._buffers = (PARAM, GRAD, *(state.name for state in rule.states))

    def plan(self) -> Plan:
        programs = tuple(self._programs())
        used = dict.fromkeys(name for program in programs for name in _scalar_uses(program))
        gates = {program.gate: program.guard for program in programs if program.gate}
        wanted = {name: gates.get(name, ALWAYS) for name in (*used, *gates)}
        scalars = tuple(name for name in self._host.names if name in wanted)
        host = backward(
            self._host.assignments, dict.fromkeys(scalars, ALWAYS), ALWAYS, self._possible, ()
        )
        return Plan(
            rule=self._rule,
            switches=self._switches.all,
            buffers=self._allocated(),
            host=Scalars(Extent.CALL, ElementPass(ALWAYS, (), host.items).assignments),
            scalars=scalars,
            booleans=self._host.booleans,
            programs=programs,
        )

    def _programs(self) -> Iterator[Program]:
        yield self._program("update", ALWAYS, list(self._update_steps()))
        before: list[Block] = []
        gates = [block for block in self._rule.blocks if block.proceed is not None]
        for block in self._rule.blocks:
            if block.proceed is not None:
                when = self._switches.translate(block.when)
                gate = self._host.gate(block, lower(block.proceed), when)
                steps = [*self._steps(before), *((step, block.name) for step in block.otherwise)]
                name = "otherwise" if len(gates) == 1 else f"otherwise_{block.name}"
                yield self._program(name, when, steps, gate)
            before.append(block)
        every = [block for block in self._rule.blocks if block.every_variable]
        if every:
            guard = NEVER
            for block in every:
                guard |= self._switches.translate(block.when)
            yield self._program("absent", guard, list(self._steps(every)))

    def _update_steps(self) -> Iterator[Owned]:
        """All steps; steps after the constraints apply only to variables without a constraint."""
        free = Condition.of(CONSTRAINED, False)
        for block in self._rule.blocks:
            for step in block.steps:
                late = block.every_variable
                yield replace(step, guard=step.guard & free) if late else step, block.name

    def _steps(self, blocks: Sequence[Block]) -> Iterator[Owned]:
        for block in blocks:
            for step in block.steps:
                yield step, block.name

    def _program(
        self, name: str, guard: Condition, owned: list[Owned], gate: str | None = None
    ) -> Program:
        passes = Passes(self._rule, self._host, self._switches, owned, self._slice)
        if name != "absent":
            passes.check_gradient()
        stages = list(self._prepasses(passes, guard))
        assignments = [item for item in passes.items if isinstance(item, Assignment)]
        stored = {buffer: _assigned(assignments, buffer) for buffer in self._buffers}
        needs = {name: self._possible(when) for name, when in stored.items() if name != GRAD}
        body = self._slice(assignments, needs, guard)
        stores = tuple(
            Access(buffer, relative(when, guard)) for buffer, when in needs.items() if when.cases
        )
        stages.append(ElementPass(guard, body.loads, body.items, stores))
        norms = (replace(norm, guard=self._possible(norm.guard)) for norm in passes.norms)
        return Program(name, guard, tuple(stages), gate, tuple(norms))

    def _prepasses(self, passes: Passes, runs: Condition) -> Iterator[Stage]:
        """The prepasses that compute sums for later passes, and the scalars derived from them."""
        for depth in range(1, passes.depth + 1):
            guard = NEVER
            for reduction in passes.reductions(depth):
                guard |= reduction.guard & runs
            items = [
                item
                for item in passes.items
                if isinstance(item, Assignment) or item in passes.reductions(depth)
            ]
            found = self._slice(items, {}, guard)
            yield ElementPass(guard, found.loads, found.items)
            yield Scalars(Extent.TENSOR, passes.scalars(depth))

    def _slice(
        self,
        items: Sequence[Assignment | Reduction],
        needs: dict[str, Condition],
        runs: Condition,
    ) -> Slice:
        return backward(items, needs, runs, self._possible, self._buffers)

    def _possible(self, condition: Condition) -> Condition:
        """The condition without the cases in which two features of an exclusive set are on."""
        for both in self._impossible:
            condition = Condition(
                tuple(case for case in condition.cases if not Condition((case,)).implies(both))
            )
        return condition

    def _allocated(self) -> tuple[Buffer, ...]:
        whens = {state.name: self._switches.translate(state.when) for state in self._rule.states}
        return tuple(Buffer(name, whens.get(name, ALWAYS)) for name in self._buffers)


def _assigned(assignments: Sequence[Assignment], name: str) -> Condition:
    guard = NEVER
    for assignment in assignments:
        if assignment.target == name:
            guard |= assignment.guard
    return guard


def _scalar_uses(program: Program) -> Iterator[str]:
    """Every name that the passes of a program use; the caller selects the host scalars."""
    for item in program.items:
        yield from names(expression_of(item))
