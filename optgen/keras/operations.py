"""A step as operations on tensors, which any backend runs or compiles."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from keras import ops

from optgen.keras.arithmetic import HostFunctions, TensorFunctions, host_dtype
from optgen.keras.slots import Slot
from optgen.runtime.hyperparameters.settings import Row
from optgen.runtime.kernels import Builder, Kernels, Phase, Program, switches_of
from optgen.runtime.model import LARGEST_GRADIENT

Tensors = dict[str, Any]
PARAM, GRADIENT = "param", "grad"


@dataclass
class Member:
    """A variable in a call: its tensors, which programs replace, and scalars, by name.

    All are of the dtype of the ``functions``.
    """

    slot: Slot
    tensors: Tensors
    scalars: Tensors
    functions: TensorFunctions
    sums: Tensors = field(default_factory=dict)

    @property
    def has_gradient(self) -> bool:
        """Whether it is there for an update, or for what follows updates only."""
        return GRADIENT in self.tensors


#: What makes the new tensors of a call.
Branch = Callable[[], list[Tensors]]


class Operations:
    """The printed operations of a rule over the variables of a model."""

    def __init__(self, kernels: Kernels, slots: Sequence[Slot]) -> None:
        self._kernels, self._slots = kernels, slots
        self._absent = kernels.program("absent")

    def step(
        self,
        gradients: Mapping[int, Any],
        operands: Callable[[Row], Tensors],
    ) -> None:
        """Make one call, and assign what is new.

        ``gradients`` are by the place of their variable; ``operands`` gives hyperparameters and
        counters by name, as Python floats or as tensors of the host's dtype.
        """
        switches = {slot.row: slot.on for slot in self._slots}
        rows = {row: operands(row) for row in switches}
        functions = HostFunctions(host_dtype())
        for row, on in switches.items():
            _call(self._kernels.host, on, rows[row], functions)
        first, on = next((rows[row], on) for row, on in switches.items())
        branch: Branch = partial(self._update, gradients, rows)
        for program in reversed(self._kernels.gates):
            if program.when(on):
                gather = partial(self._gather, program, gradients, rows)
                branch = partial(ops.cond, first[program.gate], branch, gather)
        members = self._members(gradients, rows)
        for member, tensors in zip(members, branch(), strict=True):
            for name, tensor in tensors.items():
                _variable(member.slot, name).assign(tensor)

    def _members(self, gradients: Mapping[int, Any], rows: Mapping[Row, Tensors]) -> list[Member]:
        """The variables that a call may change."""
        found = []
        functions = {slot.dtype: TensorFunctions(slot.dtype) for slot in self._slots}
        scalars = {
            (row, dtype): {name: own.real(value) for name, value in values.items()}
            for row, values in rows.items()
            for dtype, own in functions.items()
        }
        for place, slot in enumerate(self._slots):
            if place not in gradients and not self._outlives(slot):
                continue
            dtype = slot.dtype
            tensors = {name: _tensor(state) for name, state in slot.states.items()}
            tensors[PARAM] = ops.cast(_tensor(slot.variable), dtype)
            if place in gradients:
                tensors[GRADIENT] = ops.cast(_dense(gradients[place], slot), dtype)
            own = dict(scalars[slot.row, dtype])
            found.append(Member(slot, tensors, own, functions[dtype]))
        return found

    def _outlives(self, slot: Slot) -> bool:
        """Whether something happens to a variable without a gradient."""
        return not slot.overwritten and self._absent is not None and self._absent.when(slot.on)

    def _update(self, gradients: Mapping[int, Any], rows: Mapping[Row, Tensors]) -> list[Tensors]:
        members = self._members(gradients, rows)
        present = [member for member in members if member.has_gradient]
        _run(self._kernels.programs[0], present)
        for member in present:
            tensors, slot = member.tensors, member.slot
            if slot.overwritten:
                tensors[PARAM] = _largest(tensors)
                nothing = member.functions.real(0.0)
                tensors |= {LARGEST_GRADIENT: nothing} if LARGEST_GRADIENT in tensors else {}
            elif slot.constraint is not None:
                tensors[PARAM] = slot.constraint(_whole(tensors[PARAM], slot.variable))
        if self._absent is not None:
            constrained = [m for m in members if not m.has_gradient or m.slot.constraint]
            _run(self._absent, constrained)
        return _results(members)

    def _gather(
        self, program: Program, gradients: Mapping[int, Any], rows: Mapping[Row, Tensors]
    ) -> list[Tensors]:
        members = self._members(gradients, rows)
        present = [member for member in members if member.has_gradient]
        _run(program, present)
        for member in present:
            if LARGEST_GRADIENT in member.tensors:
                member.tensors[LARGEST_GRADIENT] = _largest(member.tensors)
        return _results(members)


def _tensor(variable: Any) -> Any:
    """The value of a variable. Keras's own sum of two empty variables fails on TensorFlow."""
    return ops.convert_to_tensor(variable.value)


def _dense(gradient: Any, slot: Slot) -> Any:
    """A gradient with all its elements, also where a backend has only some rows of it.

    Raises ValueError for one of another shape than its variable.
    """
    tensor = ops.convert_to_tensor(gradient, sparse=False)
    shape, wanted = tuple(tensor.shape), tuple(slot.variable.shape)
    if None not in shape and shape != wanted:
        raise ValueError(f"the gradient of {slot.path} has shape {shape}, the variable {wanted}")
    # To reshape is what makes a tensor of TensorFlow's slices.
    return ops.reshape(tensor, wanted)


def _largest(tensors: Tensors) -> Any:
    """The largest gradient since the last update."""
    before = tensors.get(LARGEST_GRADIENT)
    return tensors[GRADIENT] if before is None else ops.maximum(tensors[GRADIENT], before)


def _run(program: Program, members: Sequence[Member]) -> None:
    """Run a program over variables, whose tensors it replaces."""
    chosen = [m for m in members if not m.slot.overwritten and program.when(m.slot.on)]
    for prepass in program.prepasses:
        asking = [member for member in chosen if prepass.when(member.slot.on)]
        totals: Tensors = {}
        for m in asking:
            own, shared = _sums(prepass, m)
            m.sums |= own
            for name, value in shared.items():
                totals[name] = ops.add(totals[name], value) if name in totals else value
        for m in asking if prepass.scalars is not None else ():
            assert prepass.scalars is not None
            size = m.functions.real(float(math.prod(m.slot.variable.shape)))
            m.scalars["tensor_size"] = size
            shared = {name: m.functions.real(total) for name, total in totals.items()}
            _call(prepass.scalars, m.slot.on, m.scalars, m.sums, shared, m.functions)
    for m in chosen:
        builder = program.elements.over(m.slot.on)
        assert builder is not None
        _call(builder, m.slot.on, m.tensors, m.scalars, m.functions)


def _sums(prepass: Phase, member: Member) -> tuple[Tensors, Tensors]:
    """The sums over a variable: its own, and its parts of those over all variables."""
    terms: tuple[Tensors, Tensors] = {}, {}
    builder = prepass.over(member.slot.on)
    assert builder is not None
    _call(builder, member.slot.on, member.tensors, member.scalars, *terms, member.functions)
    own, shared = (
        {name: ops.sum(_whole(term, member.slot.variable)) for name, term in each.items()}
        for each in terms
    )
    return own, shared


def _whole(tensor: Any, variable: Any) -> Any:
    """A tensor with all elements of a variable, also where they are all alike."""
    return ops.broadcast_to(tensor, variable.shape)


def _call(builder: Builder, on: Mapping[str, bool], *arguments: Any) -> None:
    builder(*arguments, **{name: on[name] for name in switches_of(builder)})


def _results(members: Sequence[Member]) -> list[Tensors]:
    """What variables become, in their own dtypes and shapes, so that branches agree."""
    found = []
    for member in members:
        tensors = {}
        for name in [PARAM, *member.slot.states]:
            target = _variable(member.slot, name)
            tensors[name] = _whole(ops.cast(member.tensors[name], target.dtype), target)
        found.append(tensors)
    return found


def _variable(slot: Slot, name: str) -> Any:
    return slot.variable if name == PARAM else slot.states[name]
