"""A step as operations on tensors, which any backend runs or compiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any

from keras import ops

from optgen.keras.arithmetic import HostFunctions, TensorFunctions, host_dtype
from optgen.keras.members import PARAM, Given, Key, Member, Shared, Tensors, call
from optgen.keras.slots import Slot
from optgen.keras.tensors import dense, kept, largest, value_of
from optgen.runtime.allocation import ELEMENT
from optgen.runtime.hyperparameters.declarations import State, Switch
from optgen.runtime.hyperparameters.settings import Row
from optgen.runtime.kernels import (
    COME_BACK,
    MATRIX,
    PERTURB,
    PERTURBED,
    RANDOM,
    Kernels,
    Program,
)
from optgen.runtime.model import LARGEST_GRADIENT
from optgen.runtime.operations.programs import run
from optgen.runtime.optimizer import Optimizer

Switches = Mapping[str, bool]
#: What makes the new tensors of a call.
Branch = Callable[[], list[Tensors]]
#: What makes them with operations for one setting of switches.
Results = Callable[["Operations"], list[Tensors]]


class Operations:
    """The printed operations of a rule over the variables of a model."""

    def __init__(
        self,
        kernels: Kernels,
        declared: Sequence[State],
        slots: Sequence[Slot],
        shared: Mapping[str, Any],
        assign: Callable[[Any, Any], None],
    ) -> None:
        """``shared`` are the variables of the states that all variables share.

        ``assign`` is the method of the optimizer, which backends and users have their own of.
        """
        self._put = assign
        self._kernels, self._slots, self._shared = kernels, slots, shared
        self._absent = kernels.program("absent")
        self._shapes = {state.name: state.shape for state in declared}
        self._scratch = {name: shape for name, shape, _ in kernels.matrices}

    def switched(self, on: Switches) -> Operations:
        """The operations for other values of some switches."""
        copied = copy(self)
        copied._slots = [replace(slot, on={**slot.on, **on}) for slot in self._slots]
        return copied

    def step(
        self,
        gradients: Mapping[int, Any],
        operands: Callable[[Row], Tensors],
        inputs: Mapping[str, Any],
    ) -> None:
        """Make one call, and assign what is new.

        ``gradients`` are by the place of their variable; ``operands`` gives hyperparameters and
        counters by name, as Python floats or as tensors of the host's dtype.
        """

        def results(chosen: Operations) -> list[Tensors]:
            return chosen._called(Given(gradients, chosen._rows(operands), inputs))

        self._assign(gradients, self._decided(self._kernels.decided, operands(Row()), results))

    def _called(self, given: Given) -> list[Tensors]:
        """What an update computes, or what runs instead."""
        first = next(iter(given.rows.values()))
        branch: Branch = partial(self._update, given)
        for program in reversed(self._kernels.gates):
            if program.when(self._slots[0].on):
                gather = partial(self._gather, program, given)
                branch = partial(ops.cond, first[program.gate], branch, gather)
        return branch()

    def _decided(
        self, switches: Sequence[Switch], values: Tensors, results: Results
    ) -> list[Tensors]:
        """The results for switches that each call decides, by hyperparameters and counters.

        A graph has both branches of each switch, and runs one.
        """
        if not switches:
            return results(self)
        one, *others = switches
        holds = ops.convert_to_tensor(one.condition(values), "bool")
        yes, no = (
            partial(self.switched({one.name: is_on})._decided, others, values, results)
            for is_on in (True, False)
        )
        found: list[Tensors] = ops.cond(holds, yes, no)
        return found

    def perturb(self, gradients: Mapping[int, Any], operands: Callable[[Row], Tensors]) -> None:
        """Move the variables to where the next gradient is taken; takes what ``step`` does.

        A missing gradient is one of zeros: what comes back needs the place of its variable, too.
        """
        trained = [(k, slot) for k, slot in enumerate(self._slots) if not slot.overwritten]
        zeros = {k: ops.zeros_like(slot.variable) for k, slot in trained if k not in gradients}
        every = {**gradients, **zeros}
        program = self._kernels.program(PERTURB)
        assert program is not None

        def results(chosen: Operations) -> list[Tensors]:
            members, shared = chosen._begun(Given(every, chosen._rows(operands), {}))
            chosen._run(program, members, shared)
            return chosen._results(members, shared)

        self._assign(every, self._decided(self._kernels.decided, operands(Row()), results))

    def _rows(self, operands: Callable[[Row], Tensors]) -> dict[Key, Tensors]:
        """The scalars of a call; the first ones are the optimizer's own."""
        on = self._slots[0].on
        switches = {_key(slot): slot.on for slot in self._slots}
        switches = {(Row(), on[MATRIX]): on} | switches
        rows = {key: operands(key[0]) for key in switches}
        functions = HostFunctions(host_dtype())
        for key, own in switches.items():
            call(self._kernels.host, own, rows[key], functions)
        return rows

    def _assign(self, gradients: Mapping[int, Any], results: Sequence[Tensors]) -> None:
        """Assign what a call has computed of variables and states."""
        places = [place for place, slot in enumerate(self._slots) if self._takes(place, gradients)]
        targets = [{PARAM: self._slots[k].variable, **self._slots[k].states} for k in places]
        for variables, tensors in zip([*targets, self._shared], results, strict=True):
            for name, tensor in tensors.items():
                self._put(variables[name], tensor)

    def _begun(self, given: Given) -> tuple[list[Member], Shared]:
        """The variables that a call may change, and what they share."""
        rows = given.rows
        host = TensorFunctions(host_dtype())
        functions = {slot.dtype: TensorFunctions(slot.dtype) for slot in self._slots}
        wide = {key: _of(values, host) for key, values in rows.items()}
        narrow = {
            (key, dtype): _of(values, own)
            for key, values in rows.items()
            for dtype, own in functions.items()
        }
        states = {name: value_of(state) for name, state in self._shared.items()}
        numbers = _of(given.numbers, host)
        own = {**next(iter(wide.values())), **numbers}
        shared = Shared(own, states, self._slots[0].on, host)
        found = []
        for place, slot in enumerate(self._slots):
            if not self._takes(place, given.gradients):
                continue
            key, dtype, form = _key(slot), slot.dtype, slot.form
            tensors = {PARAM: form.seen(ops.cast(value_of(slot.variable), dtype))}
            scalars = states | numbers
            for name, state in slot.states.items():
                shape = self._shape(name)
                if shape == ELEMENT:
                    tensors[name] = form.seen(ops.cast(value_of(state), dtype))
                else:
                    tensors[name] = scalars[name] = form.vector(value_of(state), shape)
            for name, tensor in given.tensors_of(place).items():
                tensors[name] = form.seen(ops.cast(dense(tensor, slot, name), dtype))
            of_call = narrow[key, dtype], wide[key]
            member = Member(slot, place, tensors, of_call, functions[dtype], host)
            member.add(scalars)
            found.append(member)
        return found, shared

    def _shape(self, name: str) -> str:
        return self._shapes.get(name, ELEMENT)

    def _takes(self, place: int, gradients: Mapping[int, Any]) -> bool:
        """Whether a call may change a variable."""
        return place in gradients or self._outlives(self._slots[place])

    def _outlives(self, slot: Slot) -> bool:
        """Whether something happens to a variable without a gradient."""
        if slot.overwritten:
            return False
        return slot.on[PERTURBED] or (self._absent is not None and self._absent.when(slot.on))

    def _come_back(self, members: Sequence[Member], shared: Shared) -> None:
        """Move perturbed variables without a second gradient to where they were."""
        program = self._kernels.program(COME_BACK)
        if program is not None:
            left = [m for m in members if not m.has_gradient and m.slot.on[PERTURBED]]
            self._run(program, left, shared)

    def _update(self, given: Given) -> list[Tensors]:
        members, shared = self._begun(given)
        present = [member for member in members if member.has_gradient]
        self._come_back(members, shared)
        self._run(self._kernels.programs[0], present, shared)
        for member in present:
            tensors, slot = member.tensors, member.slot
            if slot.overwritten:
                tensors[PARAM] = largest(tensors)
                nothing = member.functions.real(0.0)
                tensors |= {LARGEST_GRADIENT: nothing} if LARGEST_GRADIENT in tensors else {}
            elif slot.constraint is not None:
                tensors[PARAM] = slot.form.seen(slot.constraint(member.result(PARAM)))
        if self._absent is not None:
            constrained = [m for m in members if not m.has_gradient or m.slot.constraint]
            self._run(self._absent, constrained, shared)
        return self._results(members, shared)

    def _gather(self, program: Program, given: Given) -> list[Tensors]:
        members, shared = self._begun(given)
        present = [member for member in members if member.has_gradient]
        self._come_back(members, shared)
        self._run(program, present, shared)
        for member in present:
            if LARGEST_GRADIENT in member.tensors:
                member.tensors[LARGEST_GRADIENT] = largest(member.tensors)
        return self._results(members, shared)

    def _results(self, members: Sequence[Member], shared: Shared) -> list[Tensors]:
        """What variables become, in their own dtypes and shapes, so that branches agree."""
        found = []
        for member in members:
            targets = {PARAM: member.slot.variable, **member.slot.states}
            found.append(
                {
                    name: kept(ops.cast(member.result(name, self._shape(name)), target.dtype))
                    for name, target in targets.items()
                }
            )
        own = self._shared.items()
        return [*found, {name: ops.cast(shared.states[name], v.dtype) for name, v in own}]

    def _run(self, program: Program, members: Sequence[Member], shared: Shared) -> None:
        """Run a program over variables, whose tensors it replaces."""
        chosen = [member for member in members if not member.slot.overwritten]
        run(program, chosen, shared, self._scratch)


def perturbs(rule: type[Optimizer], on: Switches) -> bool:
    """Whether a rule takes a second gradient."""
    return any(one.name == PERTURB and one.when(on) for one in rule.layout.programs)


def _key(slot: Slot) -> Key:
    return slot.row, slot.on[MATRIX]


def _of(values: Tensors, functions: TensorFunctions) -> Tensors:
    """Scalars as tensors of one dtype; those are kept that it might not hold."""
    return {n: v if n in RANDOM else functions.real(v) for n, v in values.items()}
