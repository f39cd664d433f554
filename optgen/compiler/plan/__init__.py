"""Plan: Rule → Plan. Assigns each value to the call, the tensor or the element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from optgen.compiler.ir.condition import ALWAYS, NEVER, Condition
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.extent import ARRAYS, Extent
from optgen.compiler.ir.plan import (
    Assignment,
    Buffer,
    Item,
    Plan,
    Program,
    Scalars,
    expression_of,
)
from optgen.compiler.ir.reserved import CONSTRAINED, MATRIX
from optgen.compiler.ir.rule import GRAD, PARAM, Block, Rule, Step
from optgen.compiler.plan.lower import lower
from optgen.compiler.plan.passes import Passes
from optgen.compiler.plan.phases import Phases
from optgen.compiler.plan.scalars import HostScalars
from optgen.compiler.plan.scratch import inner, slots_of
from optgen.compiler.plan.slices import Slice, backward
from optgen.compiler.plan.switches import Switches
from optgen.compiler.plan.way_back import way_back

Owned = tuple[Step, str]
#: The program that computes what evaluation uses.
EVALUATE = "evaluate"
#: The program that moves parameters to where the next gradient is taken, and the one that comes
#: back from there without an update.
PERTURB, COME_BACK = "perturb", "come_back"


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
        states = [state.name for state in rule.states if state.extent in ARRAYS]
        inputs = [given.name for given in rule.inputs if given.extent is Extent.ELEMENT]
        self._buffers = (PARAM, GRAD, *inputs, *states)
        self._vectors: dict[str, Extent] = {}
        self._matrices: dict[str, Extent] = {}

    def plan(self) -> Plan:
        programs = tuple(self._programs())
        used = dict.fromkeys(name for program in programs for name in _scalar_uses(program))
        gates = {program.gate: program.guard for program in programs if program.gate}
        wanted = {name: gates.get(name, ALWAYS) for name in (*used, *gates)}
        scalars = tuple(name for name in self._host.names if name in wanted)
        host = backward(
            self._host.assignments, dict.fromkeys(scalars, ALWAYS), ALWAYS, self._possible, ()
        )
        matrix, slots = Condition.of(MATRIX), slots_of(programs, self._matrices)
        of_products = inner(programs, self._matrices)
        return Plan(
            rule=self._rule,
            switches=self._switches.all,
            buffers=self._allocated(),
            host=Scalars(Extent.CALL, host.items),
            scalars=scalars,
            booleans=self._host.booleans,
            programs=programs,
            vectors=tuple(Buffer(name, matrix, extent) for name, extent in self._vectors.items()),
            matrices=tuple(
                Buffer(name, matrix, extent, slot=slots[name], is_inner=name in of_products)
                for name, extent in self._matrices.items()
            ),
        )

    def _programs(self) -> Iterator[Program]:
        yield self._program("update", ALWAYS, list(self._update_steps()))
        moving = [block for block in self._rule.blocks if block.perturb]
        back = [(step, block.name) for block in moving for step in way_back(self._rule, block)]
        if {block.name for block in moving} != {name for _, name in back}:
            back = []
        before: list[Block] = []
        gates = [block for block in self._rule.blocks if block.proceed is not None]
        for block in self._rule.blocks:
            if block.proceed is not None:
                when = self._switches.translate(block.when)
                gate = self._host.gate(block, lower(block.proceed), when)
                steps = [*self._steps(before), *((step, block.name) for step in block.otherwise)]
                steps += [one for one in back if one[1] not in {b.name for b in before}]
                name = "otherwise" if len(gates) == 1 else f"otherwise_{block.name}"
                yield self._program(name, when, steps, gate)
            before.append(block)
        if moving:
            guard = NEVER
            for block in moving:
                guard |= self._switches.translate(block.when)
            moved = [(step, block.name) for block in moving for step in block.perturb]
            yield self._program(PERTURB, guard, moved)
            if back:
                yield self._program(COME_BACK, guard, back)
        if (evaluation := self._rule.evaluation) is not None:
            step = Step(PARAM, evaluation, ALWAYS, evaluation.location)
            yield self._program(EVALUATE, ALWAYS, [(step, self._rule.module)])
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
        passes = Passes(self._rule, self._host, self._switches, owned)
        if name not in ("absent", EVALUATE, PERTURB, COME_BACK):
            passes.check_gradient()
        assigned = {buffer: _assigned(passes.items, buffer) for buffer in self._buffers}
        stored = {name: self._possible(when) for name, when in assigned.items() if name != GRAD}
        self._matrices |= passes.matrices
        phases = Phases(passes, stored, guard, self._slice)
        norms = (replace(norm, guard=self._possible(norm.guard)) for norm in passes.norms)
        keeps = (replace(keep, guard=self._possible(keep.guard & guard)) for keep in passes.keeps)
        made = tuple(phases.all())
        self._vectors |= phases.vectors
        steps = tuple((self._over_switches(step), block) for step, block in owned)
        return Program(name, guard, made, gate, tuple(norms), tuple(keeps), steps)

    def _over_switches(self, step: Step) -> Step:
        """A step whose conditions are switches, where they can hold."""
        guard = self._possible(self._switches.translate(step.guard))
        return replace(step, guard=guard, expression=self._switches.replace(step.expression))

    def _slice(
        self,
        items: Sequence[Item],
        needs: Mapping[str, Condition],
        runs: Condition,
    ) -> Slice:
        buffers = (*self._buffers, *self._matrices)
        return backward(items, needs, runs, self._possible, buffers)

    def _possible(self, condition: Condition) -> Condition:
        """The condition without the cases in which two features of an exclusive set are on."""
        for both in self._impossible:
            condition = Condition(
                tuple(case for case in condition.cases if not Condition((case,)).implies(both))
            )
        return condition

    def _allocated(self) -> tuple[Buffer, ...]:
        states = (
            Buffer(state.name, self._switches.translate(state.when), state.extent)
            for state in self._rule.states
        )
        inputs = (
            Buffer(given.name, self._switches.given(given), given.extent)
            for given in self._rule.inputs
        )
        return (Buffer(PARAM, ALWAYS), Buffer(GRAD, ALWAYS), *inputs, *states)


def _assigned(items: Sequence[Item], name: str) -> Condition:
    guard = NEVER
    for item in items:
        if item.target == name and isinstance(item, Assignment):
            guard |= item.guard
    return guard


def _scalar_uses(program: Program) -> Iterator[str]:
    """Every name that the passes of a program use; the caller selects the host scalars."""
    for item in program.items:
        yield from names(expression_of(item))
