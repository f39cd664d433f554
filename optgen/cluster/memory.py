"""The bytes that each process needs for parameters, gradients, states, and for a step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np

from optgen.cluster.parameters import Tensor
from optgen.cluster.placement import Chosen, Placed
from optgen.cluster.sharding import Counts
from optgen.runtime.codes import BLOCK, CODES, KINDS
from optgen.runtime.cpu.memory import HostMemory
from optgen.runtime.dtypes import DTYPES, wide, wide_name
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.kernels import OPTIMIZER
from optgen.runtime.matrix_calls import ELEMENT, is_matrix
from optgen.runtime.scratch import Scratch
from optgen.runtime.state_storage import Layout, storage_of_state
from optgen.runtime.view import View, state_form

#: Bytes of a number of a parameter, a row or a column, which is a float64.
_NUMBER = 8
_DTYPES = {dtype.name: dtype for dtype in DTYPES}


def width_of(storage: str) -> int:
    """The bytes of an element in a dtype."""
    return (_DTYPES.get(storage) or np.dtype(storage)).itemsize


def storages(chosen: Chosen, one: Placed) -> dict[str, str]:
    """The dtype, or the code, of each state with a number for each element."""
    found = {}
    for state in chosen.rule.states:
        if state.when(one.on) and state.shape == ELEMENT:
            found[state.name] = _storage(chosen, one, state)
    return found


def _storage(chosen: Chosen, one: Placed, state: State) -> str:
    asked = chosen.storage.of_state(state, one.on, "", chosen.dtype)
    wide = wide_name(chosen.dtype)
    if one.is_spread and one.view is not None and asked in KINDS:
        # Rows of matrices are in several parts, where blocks don't end.
        return wide
    return storage_of_state(asked, wide, state, Layout(one.tensor.elements, one.view))


def state_bytes(chosen: Chosen, every: Sequence[Placed]) -> Counts:
    """The bytes of states in each process."""
    total = np.zeros_like(every[0].held)
    for one in every:
        for storage in storages(chosen, one).values():
            total += _in_storage(storage, one.updated)
        lost = chosen.storage.remainder("", chosen.dtype)
        total += _in_storage(lost, one.updated) if lost else 0
        for state in chosen.rule.states:
            if state.when(one.on) and state.shape not in (ELEMENT, OPTIMIZER):
                total += _of_shape(chosen, one, state)
    shared = [state for state in chosen.rule.states if state.shape == OPTIMIZER]
    has_some = sum((one.has for one in every), np.zeros_like(total)) > 0
    return total + _NUMBER * sum(state.when(every[0].on) for state in shared) * has_some


def _in_storage(storage: str, elements: Counts) -> Counts:
    if storage in CODES:
        return -(-elements // BLOCK) * CODES[storage].dtype.itemsize
    return width_of(storage) * elements


def _of_shape(chosen: Chosen, one: Placed, state: State) -> Counts:
    """The bytes of a number, of vectors, or of matrices of a parameter."""
    if one.view is not None and is_matrix(state.shape):
        has = one.updated > 0
        return width_of(wide_name(chosen.dtype)) * prod(state_form(one.view, state.shape)) * has
    length = one.view.length(state.shape) if one.view is not None else ()
    return _NUMBER * prod(length) * one.has


class Workspace:
    """Scratch memory that each process keeps for its steps, and the batches of matrices in it."""

    def __init__(self, chosen: Chosen, every: Sequence[Placed]) -> None:
        program = chosen.kernels.programs[0]
        is_whole = program.common == len(program.phases)

        @cache
        def scratch(shapes: tuple[tuple[int, ...], ...]) -> tuple[int, list[int]]:
            # Of nothing but shapes: no memory is taken.
            near = np.zeros((), _DTYPES[chosen.dtype])
            variables = [np.broadcast_to(near, shape) for shape in shapes]
            views = [chosen.view(Tensor(shape)) for shape in shapes]
            memory, names = _Counting(chosen.kernels), chosen.kernels.matrices
            made = Scratch(memory, variables, views, names, is_whole=is_whole)
            return memory.taken, [len(batch.members) for batch in made.batches]

        #: The variables of each batch, by process.
        self.batches: list[list[int]] = []
        taken = []
        for rank in range(len(every[0].held)):
            own = (p.tensor.shape for p in every if p.updated[rank] and p.view is not None)
            size, batches = scratch(tuple(own)) if chosen.kernels.matrices else (0, [])
            taken.append(size)
            self.batches.append(batches)
        #: Bytes by process.
        self.nbytes: Counts = np.array(taken, np.int64)
        for one in every:
            if one.view is not None:
                lengths = (one.view.length(shape) for _, shape in chosen.kernels.vectors)
                self.nbytes += _NUMBER * sum(map(prod, lengths)) * one.has


class _Counting(HostMemory):
    """Memory that counts what is taken of it, and has none."""

    taken = 0

    def scratch(self, near: Any, shape: tuple[int, ...]) -> Any:
        self.taken += prod(shape) * wide(near.dtype).itemsize
        return np.broadcast_to(np.zeros((), near.dtype), shape)

    def matrices(self, flat: Any, view: View) -> Any:
        return flat


def gathered_bytes(chosen: Chosen, every: Sequence[Placed]) -> Counts:
    """The bytes of the whole matrices that each process owns: of parameters, or of gradients."""
    owned = (one.updated for one in every if one.owner is not None)
    return width_of(chosen.dtype) * sum(owned, np.zeros_like(every[0].held))
