"""A step of an optimizer as operations on tensors, parameter by parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from optgen.runtime.core import Core
from optgen.runtime.hyperparameters.declarations import BLOCK, RANK, State
from optgen.runtime.hyperparameters.settings import Row
from optgen.runtime.hyperparameters.storage import NEAREST
from optgen.runtime.inputs import given_inputs
from optgen.runtime.kernels import (
    CHECK_FINITE,
    CONSTRAINED,
    EVALUATE,
    MATRIX,
    OPTIMIZER,
    PERTURB,
    PERTURBED,
)
from optgen.runtime.operations.forms import Form
from optgen.runtime.optimizer import Optimizer
from optgen.torch.distributed import numbers_in_all_processes
from optgen.torch.groups import ParamGroups, params_of
from optgen.torch.operations import compiled
from optgen.torch.operations.programs import Program, called, programs_of, together
from optgen.torch.operations.tensors import GRADIENT, PARAM, Library, Slot
from optgen.torch.states import AGE

Tensor = torch.Tensor
ParamGroup = Mapping[str, Any]


def refuse(rule: type[Optimizer], core: Core, reason: str) -> None:
    """Raise ValueError for a rule, or a storage, that there are no operations for."""
    storage = core.treatment.storage
    what = "a second point" if any(one.name == PERTURB for one in rule.layout.programs) else ""
    if storage.rounding != NEAREST:
        what = f"rounding {storage.rounding!r}"
    elif storage.has_noise:
        what = "a state_dtype below 16 bits"
    if what:
        message = f"{core.owner}: {what} needs kernels, and steps are operations of torch"
        raise ValueError(f"{message}: {reason}")


class Operations:
    """Makes the steps of an optimizer, whose states have the form that kernels give them."""

    def __init__(
        self,
        rule: type[Optimizer],
        core: Core,
        groups: ParamGroups,
        *,
        has_dimensions: bool,
        is_compiled: bool = False,
    ) -> None:
        """``has_dimensions`` is whether vectors have those of their parameters."""
        self.rule, self._core, self._groups = rule, core, groups
        self._programs, self._has_dimensions = programs_of(rule), has_dimensions
        self._is_compiled = is_compiled
        #: What parameters of one shape, or with the same switches, share.
        self._forms: dict[tuple[Any, ...], Form] = {}
        self._declared: dict[tuple[bool, ...], tuple[State, ...]] = {}
        #: Without probes: operations keep none.
        self._states = tuple(one for one in rule.states if not one.is_probe)
        #: The parameters that had a gradient since the last update.
        self._seen: set[Tensor] = set()

    def step(
        self,
        groups: Sequence[ParamGroup],
        states: Mapping[Any, dict[str, Any]],
        inputs: Mapping[str, object],
        *,
        records: bool,
    ) -> None:
        """Make one call; autograd ``records`` it where that is so."""
        self._groups.look(groups)
        core, counters = self._core, self._core.counters
        named = params_of(groups)
        every = [*named.values()]
        present = {param for param in every if param.grad is not None}
        if not present:
            return
        given = self._given(inputs, named)
        slots = [*self._slots(groups, states, given)]
        if (instead := self._instead(slots[0])) is not None:
            chosen = [slot for slot in slots if slot.param in present]
            self._run(instead, chosen, given, records=records)
            self._seen |= present
            counters.calls += 1
            return
        chosen = [slot for slot in slots if slot.param in present | self._seen]
        self._run(self._programs["update"], chosen, given, records=records)
        absent = self._programs.get("absent")
        left = [s for s in slots if s not in chosen and absent and absent.declared.when(s.on)]
        if absent is not None and left:
            self._run(absent, left, {}, records=records)
        for slot in chosen:
            slot.state[AGE] += 1
        self._seen = set()
        counters.calls += 1
        counters.updates += 1
        core.counters = counters

    def averages(
        self, groups: Sequence[ParamGroup], states: Mapping[Any, dict[str, Any]]
    ) -> list[tuple[Tensor, Tensor]]:
        """The parameters that have been updated, each with what evaluation uses for it."""
        self._groups.look(groups)
        slots = [slot for slot in self._slots(groups, states, {}) if slot.age > 0]
        evaluating = self._programs.get(EVALUATE)
        stand_ins = [one for one in self.rule.states if one.stands_in]
        found: list[tuple[Tensor, Tensor]] = []
        for slot in slots:
            if evaluating is not None:
                slot.load({}, copies=False)
                called(evaluating.function, slot.tensors, slot.values)
                found.append((slot.param, slot.form.restored(slot.tensors[PARAM])))
            for one in stand_ins:
                if one.when(slot.on) and one.name in slot.state:
                    found.append((slot.param, slot.state[one.name]))
        return found

    def _run(
        self, program: Program, slots: Sequence[Slot], given: Mapping[str, Any], *, records: bool
    ) -> None:
        shared = self._shared(slots)
        has = self._has_dimensions
        for slot in slots:
            slot.begin(self._core, shared, has_dimensions=has)
            slot.load(self._arrays(slot, given), copies=records)
        if self._is_compiled:
            compiled.run(program.function, slots)
            return
        with numbers_in_all_processes(slot.param for slot in slots):
            together([called(program.function, slot.tensors, slot.values) for slot in slots])
            for slot in slots:
                slot.store(records=records)

    def _arrays(self, slot: Slot, given: Mapping[str, Any]) -> dict[str, Tensor]:
        """The gradient and the inputs of a parameter; a missing gradient is one of zeros."""
        gradient = slot.param.grad
        arrays = {GRADIENT: torch.zeros_like(slot.param) if gradient is None else gradient}
        if gradient is not None and gradient.is_sparse:
            raise TypeError(f"{self._core.owner}: a sparse gradient; densify it")
        for name, value in given.items():
            if isinstance(value, list) and value[slot.index] is not None:
                arrays[name] = value[slot.index]
        return arrays

    def _shared(self, slots: Sequence[Slot]) -> dict[str, Tensor]:
        """The numbers that all parameters share, as far as there are some."""
        names = [one.name for one in self._states if one.shape == OPTIMIZER]
        found: dict[str, Tensor] = {}
        for name in names:
            for slot in slots:
                if name in slot.state:
                    found.setdefault(name, slot.state[name])
        return found

    def _instead(self, slot: Slot) -> Program | None:
        """What runs in place of an update, if anything does."""
        for program in self._programs.values():
            is_due = program.gate is not None and program.declared.when(slot.on)
            if is_due and not called(program.gate, None, slot.values):
                return program
        return None

    def _slots(
        self, groups: Sequence[ParamGroup], states: Any, given: Mapping[str, Any]
    ) -> Iterator[Slot]:
        rule, settings = self.rule, self._core.settings
        index = 0
        for number, group in enumerate(groups):
            row = Row((str(number),))
            values = {h.name: settings.of_row(h.name, row) for h in rule.hyperparameters}
            values |= {name: one for name, one in given.items() if not isinstance(one, list)}
            values["call"] = float(self._core.counters.calls + 1)
            bounds = settings.bound_of(RANK, row), settings.bound_of(BLOCK, row)
            on = self._on(number, given)
            for place, param in enumerate(group["params"]):
                view = rule.view if param.dim() > 1 and group.get(MATRIX, True) else ""
                form = self._form(param.shape, view, bounds)
                path = f"{number}.{place}"
                slot = Slot(param, path, index, row, on, {}, form, states[param])
                slot.values = {**values, **form.sizes, "step": slot.age + 1, "index": index}
                slot.on = on | {MATRIX: form.is_viewed} | self._on_in_call(slot)
                slot.values |= slot.on
                slot.declared = self._declared_for(slot.on)
                if rule.has_draws():
                    slot.values["places"] = form.places("int64").to(param.device)
                index += 1
                yield slot

    def _form(self, shape: tuple[int, ...], view: str, bounds: tuple[int, ...]) -> Form:
        key = (shape, view, *bounds)
        if key not in self._forms:
            self._forms[key] = Form(Library, tuple(shape), view, *bounds)
        return self._forms[key]

    def _on(self, number: int, given: Mapping[str, Any]) -> dict[str, bool]:
        """The switches of a group, but for those of calls."""
        on = {**self._groups.by_group[number]}
        on |= {CHECK_FINITE: False, CONSTRAINED: False, PERTURBED: False}
        return on | {one.switch: one.name in given for one in self.rule.inputs if one.optional}

    def _on_in_call(self, slot: Slot) -> dict[str, bool]:
        of_calls = (one for one in self.rule.switches if one.of_calls)
        return {one.name: bool(one.condition(slot.values)) for one in of_calls}

    def _declared_for(self, on: Mapping[str, bool]) -> tuple[State, ...]:
        """The states that some switches leave."""
        key = tuple(on.values())
        if key not in self._declared:
            self._declared[key] = tuple(one for one in self._states if one.when(on))
        return self._declared[key]

    def _given(self, inputs: Mapping[str, object], named: Mapping[str, Tensor]) -> dict[str, Any]:
        """The validated inputs of a step. Raises TypeError or ValueError."""
        if not (inputs or self.rule.inputs):
            return {}
        params = [*named.values()]

        def read(_: str, value: Any) -> list[Any]:
            return [value.get(one) for one in params] if isinstance(value, Mapping) else [*value]

        gradients = [param.grad for param in params]
        owner = self._core.owner
        return given_inputs(owner, self.rule.inputs, inputs, gradients, [*named], read)
