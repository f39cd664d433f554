"""A step as one kernel call on the memory of the variables, for the torch backend."""

from __future__ import annotations

import glob
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from keras import ops

from optgen.cuda import missing_packages
from optgen.keras.hyperparameters import Hyperparameters
from optgen.keras.slots import Slot
from optgen.keras.synchronized import Watched
from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.arrays import Gradient, spans_of
from optgen.runtime.core import Core
from optgen.runtime.counters import NOTHING_GIVEN, Counters, Given
from optgen.runtime.dtypes import DTYPES
from optgen.runtime.hyperparameters.exclusions import Itself
from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.hyperparameters.treatment import Treatment
from optgen.runtime.kernels import UnsupportedTargetError
from optgen.runtime.memory import Memory
from optgen.runtime.model import LARGEST_GRADIENT, Model
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.parts import Parts
from optgen.runtime.transaction import Call
from optgen.torch.addresses import Positions
from optgen.torch.batched_gradients import Together
from optgen.torch.gradients import seen as seen_by_kernels
from optgen.torch.gradients import tensor_on
from optgen.torch.matrix_library import library_for
from optgen.torch.version_counters import marking_changed

#: The dtypes that kernels update.
_DTYPES = tuple(getattr(torch, dtype.name) for dtype in DTYPES)


class InPlace:
    """Runs the kernels of a rule on the variables of a model, and on those of its states."""

    def __init__(
        self,
        owner: str,
        rule: type[Optimizer],
        hyperparameters: Hyperparameters,
        slots: Sequence[Slot],
        shared: Mapping[str, Any],
        calls: Watched,
    ) -> None:
        """``shared`` are the variables of the states that all variables share."""
        self._rule, self._slots, self._shared = rule, slots, shared
        self._hyperparameters, self._calls = hyperparameters, calls
        self._core = Core(
            owner, hyperparameters.settings(), Treatment(owner, None, (), "propagate")
        )
        self._variables: Variables | None = None

    @staticmethod
    def fits(rule: type[Optimizer], slots: Sequence[Slot]) -> bool:
        """Whether kernels of a rule can update variables; the others need operations."""
        tensors = [slot.variable.value for slot in slots]
        is_on_device = any(tensor.is_cuda for tensor in tensors)
        devices = {"cpu", "cuda"} if is_on_device and _has_device_kernels(rule) else {"cpu"}
        return all(
            tensor.device.type in devices
            and tensor.dtype in _DTYPES
            and tensor.layout is torch.strided
            for tensor in tensors
        )

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    @torch.no_grad()
    def step(
        self, gradients: Mapping[int, Any], updates: Any, inputs: Mapping[str, Any] = NOTHING_GIVEN
    ) -> None:
        """Make one call; ``gradients`` are indexed by variable.

        ``updates`` gives how many there were, where the calls were counted by somebody else.
        ``inputs`` are numbers, or tensors in the order of the variables.
        """
        made, given = self._ready(updates), [*map(gradients.get, range(len(self._slots)))]
        # Autograd detects overwritten tensors by their version counters.
        also: list[Call] = [*marking_changed(made.tensors), self._calls.adding_one()]
        found = made.inputs(inputs) if inputs else NOTHING_GIVEN
        self._core.take(made.read(given), also, found)
        self._calls.added_one()

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    @torch.no_grad()
    def perturb(self, gradients: Mapping[int, Any], updates: Any) -> None:
        """Move the variables to where the next gradient is taken; takes what ``step`` does."""
        made, given = self._ready(updates), [*map(gradients.get, range(len(self._slots)))]
        self._core.refuse_to_perturb(self._rule)
        self._core.perturb(made.read(given), marking_changed(made.tensors))

    def _ready(self, updates: Any) -> Variables:
        """The variables, with the current settings and counters."""
        core = self._core
        core.settings = self._hyperparameters.settings()
        made = self._current()
        calls = self._calls.read()
        if calls != core.counters.calls:
            core.counters = Counters(int(calls), int(updates()))
            made.look_what_was_gathered()
        return made

    def _current(self) -> Variables:
        """The variables, rebuilt if they or their states have moved."""
        core, made = self._core, self._variables
        if made is None or not made.are_current:
            constraints = {
                glob.escape(slot.path): _on_arrays(slot.constraint)
                for slot in self._slots
                if slot.constraint is not None
            }
            overwritten = [glob.escape(slot.path) for slot in self._slots if slot.overwritten]
            core.treatment = Treatment(core.owner, constraints, overwritten, "propagate")
            held = self._slots, self._shared
            made = Variables(self._rule, *held, core.settings, core.treatment)
            if core.model is not None:
                made.model.is_perturbed = core.model.is_perturbed
            core.model, self._variables = made.model, made
        return made


def _has_device_kernels(rule: type[Optimizer]) -> bool:
    if missing_packages():
        return False
    try:
        rule.kernels_of("cuda")
    except UnsupportedTargetError:
        return False
    return True


class SlotStates:
    """The variables of Keras that hold states; they have their values already."""

    def __init__(self, slots: Sequence[Slot], shared: Mapping[str, Any]) -> None:
        self._slots, self._shared = slots, shared

    def state(
        self,
        memory: Memory,
        variables: Sequence[Array],
        index: int,
        name: str,
        value: float | None,
        storage: str,
    ) -> Array:
        """What kernels see of the variable that holds a state."""
        return seen(self._slots[index].states[name])

    def number(
        self,
        memory: Memory,
        variables: Sequence[Array],
        index: int | None,
        name: str,
        shape: tuple[int, ...],
        value: float,
        *,
        is_own: bool = False,
    ) -> Array:
        """What kernels see of the variable that holds a number or vector."""
        return seen(self._shared[name] if index is None else self._slots[index].states[name])


class Variables:
    """Variables of Keras with those that hold their states, and the model of them."""

    def __init__(
        self,
        rule: type[Optimizer],
        slots: Sequence[Slot],
        shared: Mapping[str, Any],
        settings: Settings,
        treatment: Treatment,
    ) -> None:
        self.tensors = [slot.variable.value for slot in slots]
        arrays = {slot.path: seen(slot.variable) for slot in slots}
        for slot in slots:
            for excluded in slot.row.excluded:
                treatment.exclusions.add(excluded, [Itself(arrays[slot.path])], None)
        parts = Parts(SlotStates(slots, shared), library=library_for(rule.compute))
        self.model = Model(arrays, rule.states, settings, treatment, rule, parts)
        self._gathered = {state.name for state in rule.states if state.gathers} | {LARGEST_GRADIENT}
        self.look_what_was_gathered()
        written = [span[:2] for span in spans_of(self.model.written())] if self._are_here else []
        self._together = Together.of(self.tensors, written) if self._are_here else None
        self._every = [v for slot in slots for v in (slot.variable, *slot.states.values())]
        self._every += shared.values()
        self._values = self._values_now()
        self._positions = Positions(self._values)

    @property
    def _are_here(self) -> bool:
        return not any(tensor.is_cuda for tensor in self.tensors)

    def read(self, given: list[Any]) -> Sequence[Gradient | None]:
        """Validated gradients. Raises TypeError or ValueError."""
        together = None if self.model.overwritten else self._together
        found = None if together is None else together.look(given)
        if found is not None:
            return found
        pairs = zip(given, self.tensors, strict=True)
        fitting = [None if g is None else _fitting(g, tensor) for g, tensor in pairs]
        return self.model.checked(fitting)

    def inputs(self, inputs: Mapping[str, Any]) -> Given:
        """Validated inputs. Raises TypeError or ValueError."""
        check, found = self.model.check_gradient, dict(inputs)
        for name, value in inputs.items():
            if not isinstance(value, list):
                found[name] = float(value)
                continue
            pairs = zip(value, self.tensors, strict=True)
            fitting = [None if one is None else _fitting(one, like) for one, like in pairs]
            arrays = enumerate(fitting)
            found[name] = [None if a is None else check(k, a, name) for k, a in arrays]
        return found

    def look_what_was_gathered(self) -> None:
        """Derive which variables had a gradient since the last update, which Keras doesn't save."""
        model = self.model
        for index in range(len(model.variables)):
            own = model.state_of(index)
            model.seen[index] = any(bool(own[name].any()) for name in self._gathered & own.keys())

    @property
    def are_current(self) -> bool:
        """Whether the addresses of variables and states are unchanged."""
        are_same = all(map(operator.is_, self._values_now(), self._values))
        return are_same and self._positions.are_current

    def _values_now(self) -> list[torch.Tensor]:
        # Not by their property, which searches scopes.
        return [variable._value for variable in self._every]


def seen(variable: Any) -> Any:
    """A NumPy array on the memory of a variable, for kernels."""
    return _array(variable.value)


def _array(tensor: torch.Tensor) -> Any:
    return seen_by_kernels(tensor.detach())


def _fitting(gradient: Any, like: torch.Tensor) -> Any:
    """A gradient as an array of its variable's dtype, on its device."""
    if not isinstance(gradient, torch.Tensor) or gradient.dtype != like.dtype:
        gradient = ops.convert_to_tensor(gradient).to(like.dtype)
    if gradient.device != like.device or gradient.layout is not torch.strided:
        gradient = gradient.to(like.device).to_dense()
    return _array(gradient)


def _on_arrays(constraint: Any) -> Any:
    return lambda array: _array(constraint(tensor_on(array)))
