"""A parameter in a step of operations: its form, states and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from optgen.runtime.allocation import ELEMENT, initial_value
from optgen.runtime.core import Core
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.hyperparameters.settings import Row
from optgen.runtime.hyperparameters.storage import Storage
from optgen.runtime.kernels import OPTIMIZER
from optgen.runtime.matrix_calls import is_matrix, multiple_of_identity
from optgen.runtime.operations.forms import Form
from optgen.torch.distributed import is_shared, local, placed_like, whole
from optgen.torch.states import AGE

Tensor = torch.Tensor
PARAM, GRADIENT = "param", "grad"


class Library:
    """What forms need of torch, under the names of other libraries."""

    reshape = staticmethod(torch.reshape)
    broadcast_to = staticmethod(torch.broadcast_to)

    @staticmethod
    def transpose(tensor: Tensor, order: Any) -> Tensor:
        """A tensor with its dimensions in another order."""
        return tensor.permute(*order)

    @staticmethod
    def arange(count: int, dtype: str) -> Tensor:
        """The whole numbers below another one."""
        return torch.arange(count, dtype=getattr(torch, dtype))


def wide(param: Tensor) -> torch.dtype:
    """The dtype that a parameter is computed in."""
    return torch.float32 if param.element_size() == 2 else param.dtype


def of_numbers(param: Tensor) -> torch.dtype:
    """The dtype of states that are numbers or vectors."""
    return torch.float32 if param.device.type == "mps" else torch.float64


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    # A method that does nothing still takes a microsecond.
    return tensor if tensor.dtype is dtype else tensor.to(dtype)


def _here(target: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """A target and its value, in this process."""
    if is_shared(target):
        return local(target), local(placed_like(value, target))
    # Autograd may go through these.
    return target, whole(value)


def _write(changed: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Copy values into tensors, of which one may be the value of another."""
    pairs = [_here(target, value) for target, value in changed]
    places = {target.untyped_storage().data_ptr() for target, _ in pairs}
    kept = [
        (target, value.clone() if value.untyped_storage().data_ptr() in places else value)
        for target, value in pairs
        if value.data_ptr() != target.data_ptr() or value.shape != target.shape
    ]
    for target, value in kept:
        target.copy_(value)


@dataclass(eq=False)
class Slot:
    """A parameter of a step: the place among all, its group, switches and numbers by name."""

    param: Tensor
    path: str
    index: int
    row: Row
    on: dict[str, bool]
    values: dict[str, Any]
    form: Form
    state: dict[str, Any]
    #: The states that its switches leave.
    declared: tuple[State, ...] = ()
    #: What programs compute, by name.
    tensors: dict[str, Tensor] = field(default_factory=dict)

    @property
    def age(self) -> float:
        """How many updates there have been."""
        return float(self.state.get(AGE, 0.0))

    def load(self, inputs: Mapping[str, Tensor], *, copies: bool) -> None:
        """Take the parameter and its states in the form for operations.

        A parameter that autograd records is copied, since it changes in place later.
        """
        dtype, param = wide(self.param), self.param
        param = param.clone() if copies else param
        self.tensors = {PARAM: self.form.seen(_cast(param, dtype))}
        for name, tensor in inputs.items():
            self.tensors[name] = self.form.seen(_cast(tensor, dtype))
        for one in self.declared:
            stored = self.state[one.name]
            if one.shape == ELEMENT:
                self.tensors[one.name] = self.form.seen(_cast(stored, dtype))
            elif stored.dim() or is_matrix(one.shape):
                self.tensors[one.name] = self.form.vector(_cast(stored, dtype), one.shape)
            else:
                self.tensors[one.name] = stored

    def store(self, *, records: bool) -> None:
        """Write back what has changed; autograd ``records`` new tensors in place of the old."""
        changed = [(self.param, self._restored(self.tensors[PARAM]))]
        for one in self.declared:
            tensor = self.tensors[one.name]
            stored = self.state[one.name]
            if tensor is stored:
                continue
            is_element = one.shape == ELEMENT
            made = self._restored(tensor) if is_element else self.form.flat(tensor, one.shape)
            if made.shape != stored.shape:
                made = made.reshape(stored.shape)
            made = _cast(made, stored.dtype)
            if records:
                self.state[one.name] = made
            else:
                changed.append((stored, made))
        _write(changed)

    def _restored(self, tensor: Tensor) -> Tensor:
        is_whole = not self.form.is_viewed and tensor.shape == self.param.shape
        return tensor if is_whole else self.form.restored(tensor)

    def in_place(self) -> dict[str, Tensor]:
        """The parameter and its states by name, where a program may store them when it ends.

        Not where operations have another form, nor where programs of other parameters read a
        number that all share.
        """
        if self.form.is_viewed or any(one.shape == OPTIMIZER for one in self.declared):
            return {}
        return {PARAM: self.param, **{one.name: self.state[one.name] for one in self.declared}}

    def begin(
        self,
        core: Core,
        shared: dict[str, Tensor],
        *,
        has_dimensions: bool,
    ) -> None:
        """Make the states that are missing; ``shared`` are those of all parameters."""
        if AGE not in self.state:
            self.state[AGE] = torch.zeros((), dtype=torch.float64)
        for one in self.declared:
            if one.shape == OPTIMIZER:
                if one.name not in shared:
                    value = initial_value(one, core.settings, self.row)
                    dtype, device = of_numbers(self.param), self.param.device
                    shared[one.name] = torch.tensor(value, dtype=dtype, device=device)
                self.state[one.name] = shared[one.name]
            elif not isinstance(self.state.get(one.name), Tensor):
                value = initial_value(one, core.settings, self.row)
                dtype = self._stored(one, core.treatment.storage)
                self.state[one.name] = self._new(one, value, dtype, has_dimensions=has_dimensions)

    def _stored(self, one: State, storage: Storage) -> torch.dtype:
        """The dtype of a state with a number for each element."""
        if storage.given is None:
            return wide(self.param)
        own = str(self.param.dtype).removeprefix("torch.")
        found: torch.dtype = getattr(torch, storage.of_state(one, self.on, self.path, own))
        return found

    def _new(
        self, one: State, value: float | None, dtype: torch.dtype, *, has_dimensions: bool
    ) -> Tensor:
        param = self.param.detach()
        if one.shape == ELEMENT:
            if value is None:
                return param.to(dtype, copy=True)
            return torch.full_like(param, value, dtype=dtype)
        shape = self.form.length(one.shape)
        if is_matrix(one.shape):
            made = torch.from_numpy(multiple_of_identity(shape, value or 0.0, "float64"))
            return made.to(param.device, wide(param))
        if has_dimensions and one.shape in ("rows", "columns"):
            *batch, rows, columns = param.shape
            shape = (*batch, rows, 1) if one.shape == "rows" else (*batch, 1, columns)
        return torch.full(shape, value or 0.0, dtype=of_numbers(param), device=param.device)
