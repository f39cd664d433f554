"""States of parameters: users' tensors are used in place if possible, and copied otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch

from optgen.runtime.arrays import strides_of
from optgen.runtime.codes import CODES, Code
from optgen.runtime.dtypes import wide_name
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.memory import Memory
from optgen.runtime.remainders import REMAINDER
from optgen.runtime.state.rounded import Rounded
from optgen.torch.block_layouts import kind_of, kind_of_bytes
from optgen.torch.coded_states import REMEDY, blocks_in, encoded, shown
from optgen.torch.complex_numbers import as_numbers_of, as_real
from optgen.torch.dense_copies import Copies
from optgen.torch.distributed import is_shared, local, placed_like
from optgen.torch.gradients import seen, tensor_on
from optgen.torch.states import Given

Tensor = torch.Tensor


class FoundStates:
    """Adopts the states that parameters have, and allocates missing ones."""

    def __init__(
        self,
        declared: Sequence[State],
        params: Mapping[str, Tensor],
        copies: Copies,
        found: Sequence[Given],
        view: str = "",
        owned: Mapping[int, bool] = MappingProxyType({}),
    ) -> None:
        """With the ``view`` of a rule, vectors have dimensions as in torch's classes.

        ``owned`` says of matrices that one process has whole whether it is this one.
        """
        self._paths, self._params = list(params), list(params.values())
        self._copies, self._found = copies, found
        self._stand_ins = {state.name for state in declared if state.stands_in}
        self._extents = {state.name: state.shape for state in declared} if view else {}
        self._owned = owned
        #: The shape and dtype of the states of owned matrices, in all processes.
        self.forms: list[dict[str, tuple[tuple[int, ...], torch.dtype]]] = [{} for _ in found]
        #: The states of each parameter by name, in the memory that kernels update.
        self.own: list[dict[str, Tensor]] = [{} for _ in found]
        self.rounded = Rounded()
        #: The states that all parameters share, which each of them shows.
        self.shared: dict[str, Tensor] = {}

    def state(
        self,
        memory: Memory,
        variables: Sequence[Any],
        index: int,
        name: str,
        value: float | None,
        storage: str,
    ) -> Any:
        """A state in the memory of a found tensor; a new one if none fits."""
        found, param = self._found[index].tensors.get(name), self._params[index]
        if storage in CODES:
            return self._coded(memory, variables[index], index, name, value, CODES[storage])
        if found is not None and found.dtype is torch.uint8:
            kind = kind_of_bytes(found)
            message = f"{self._what(index, name)} has codes {kind!r}, and is to be {storage}"
            raise ValueError(f"{message}; choose that state_dtype, or, {REMEDY}")
        if index in self._owned:
            self.forms[index][name] = tuple(param.shape), getattr(torch, storage)
            if not self._owned[index]:
                return memory.new(variables[index], 0.0, storage)
        if found is None:
            is_late = name in self._stand_ins and self._found[index].age > 0
            array = memory.new(variables[index], None if is_late else value, storage)
            self.own[index][name] = self._like(array, index)
            return array
        if name == REMAINDER and found.dtype != getattr(torch, storage):
            message = f"the state {name} of parameter {self._paths[index]} is {found.dtype}"
            raise ValueError(f"{message}, not {storage}; choose the rounding that it was made with")
        placed = placed_like(found, param)
        kept = local(placed).to(param.device, getattr(torch, storage))
        self._note_rounding(name, local(placed), kept)
        if not param.is_cuda and _lies_like(array := seen(kept), variables[index]):
            is_there = placed is found and kept.data_ptr() == local(found).data_ptr()
            self.own[index][name] = found if is_there else self._like(array, index)
            return array
        array = memory.new(variables[index], 0.0, storage)
        memory.assign(array, kept if param.is_cuda else seen(kept))
        self.own[index][name] = self._like(array, index)
        return array

    def _coded(
        self, memory: Memory, variable: Any, index: int, name: str, value: float | None, code: Code
    ) -> Any:
        """A state with codes, which users see as bytes."""
        found, param = self._found[index].tensors.get(name), as_real(self._params[index])
        if found is None:
            new = memory.new(variable, value, code.name)
            array, tensor = shown(new, param, code)
        elif found.dtype is torch.uint8:
            array, tensor = blocks_in(self._what(index, name), found, param, code)
        else:
            blocks, is_rounded = encoded(placed_like(found, param), code)
            array, tensor = shown(blocks, param, code)
            if is_rounded:
                before = str(found.dtype).removeprefix("torch.")
                self.rounded.add(name, before, kind_of(code))
        self.own[index][name] = tensor
        return array

    def _what(self, index: int, name: str) -> str:
        return f"the state {name} of parameter {self._paths[index]}"

    def _like(self, array: Any, index: int) -> Tensor:
        """A state as users see it: spread as its parameter is, or whole where that is owned."""
        param = self._params[index]
        if index in self._owned:
            return tensor_on(array, param.device)
        return like(array, param)

    def number(
        self,
        memory: Memory,
        variables: Sequence[Any],
        index: int | None,
        name: str,
        shape: tuple[int, ...],
        value: float,
        *,
        is_own: bool = False,
    ) -> Any:
        """A number, vector or square in the memory of a found tensor; a new one if none fits.

        Raises ValueError for one of another shape, and where parameters have different numbers of
        a state that they share.
        """
        param, near = self._params[index or 0], variables[index or 0]
        own = self._copies.dense[index or 0].dtype
        dtype = getattr(torch, wide_name(str(own).partition(".")[2])) if is_own else torch.float64
        shown = shape if index is None else self._shown(index, name, shape)
        if index is not None and index in self._owned:
            self.forms[index][name] = shown, dtype
            if not self._owned[index]:
                return memory.numbers(near, (0, 0) if is_own else shape, value, is_own=is_own)
        found = self._numbers(index, name, {shape, shown})
        if found is None:
            array = memory.numbers(near, shape, value, is_own=is_own)
        elif not param.is_cuda and _can_be_updated(found, dtype):
            array = seen(found.detach().view(shape))
        else:
            array = memory.numbers(near, shape, 0.0, is_own=is_own)
            kept = found.detach().to(param.device, dtype).reshape(shape)
            self._note_rounding(name, found.detach().reshape(shape), kept)
            memory.assign(array, kept if param.is_cuda else seen(kept))
            found = None
        new = tensor_on(array, param.device).view(shown)
        tensor = new if found is None or tuple(found.shape) != shown else found
        (self.shared if index is None else self.own[index])[name] = tensor
        return array

    def _note_rounding(self, name: str, found: Tensor, kept: Tensor) -> None:
        """Note a state whose values its storage doesn't have."""
        if found.dtype == kept.dtype or torch.promote_types(found.dtype, kept.dtype) == kept.dtype:
            return
        again = kept.to(found.device, found.dtype)
        if not torch.equal(again.nan_to_num(), found.nan_to_num()):
            self.rounded.add(name, *(str(t.dtype).removeprefix("torch.") for t in (found, kept)))

    def _shown(self, index: int, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape in which users see a number or vector: reduced dimensions are 1."""
        whole = tuple(self._params[index].shape)
        match self._extents.get(name):
            case "rows":
                return (*whole[:-1], 1)
            case "columns":
                return (*whole[:-2], 1, whole[-1])
        return shape

    def _numbers(
        self, index: int | None, name: str, shapes: Collection[tuple[int, ...]]
    ) -> Tensor | None:
        """The tensor of a number or vector that a parameter, or any of them, has."""
        places = range(len(self._found)) if index is None else [index]
        first: tuple[int, Tensor] | None = None
        for place in places:
            found = self._found[place].tensors.get(name)
            if found is None:
                continue
            what = self._what(place, name)
            if tuple(found.shape) not in shapes:
                wanted = " or ".join(map(str, sorted(shapes, key=len)))
                raise ValueError(f"{what} has shape {tuple(found.shape)}, not {wanted}")
            if first is None:
                first = place, found
            elif found is not first[1] and not _are_same(found, first[1]):
                raise ValueError(
                    f"{what} is {float(found)}, that of parameter {self._paths[first[0]]} is "
                    f"{float(first[1])}; all parameters share it, so change it in place, or in each"
                )
        return None if first is None else first[1]

    def ages(self) -> list[float]:
        """The number of earlier updates; 0 if all states of a parameter are new."""
        return [
            0.0 if own and not any(name in found.tensors for name in own) else found.age
            for own, found in zip(self.own, self._found, strict=True)
        ]

    @property
    def have_found_some(self) -> bool:
        """Whether any state was there before."""
        return any(found.tensors for found in self._found)


def _can_be_updated(tensor: Tensor, dtype: torch.dtype) -> bool:
    """Whether kernels can update a number, vector or square in place."""
    is_plain = tensor.is_cpu and tensor.dtype == dtype and tensor.is_contiguous()
    if not is_plain or tensor.is_neg():
        return False
    flags = tensor.detach().numpy().flags
    return bool(flags.aligned and flags.writeable)


def _are_same(one: Tensor, other: Tensor) -> bool:
    return float(one) == float(other) or bool(one.isnan() and other.isnan())


def _lies_like(array: Any, variable: Any) -> bool:
    """Whether kernels may go through a state as they do through its variable."""
    flags, steps = array.flags, [step * array.itemsize for step in strides_of(variable)]
    return bool([*array.strides] == steps and flags.aligned and flags.writeable)


def like(array: Any, param: Any) -> Tensor:
    """A tensor on the memory of an array, with the placements of a parameter."""
    found = as_numbers_of(param, tensor_on(array, param.device))
    if not is_shared(param):
        return found
    shared: Tensor = type(param.detach()).from_local(
        found, param.device_mesh, param.placements, shape=param.shape, stride=param.stride()
    )
    return shared
