"""Where each parameter is, and which processes update it, by an optimizer with its options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import prod

import numpy as np

from optgen.cluster.parameters import Parameters, Tensor
from optgen.cluster.sharding import Counts, Kind, Sharding
from optgen.runtime.core import core_of
from optgen.runtime.decisions import Decisions
from optgen.runtime.hyperparameters.declarations import BLOCK, RANK
from optgen.runtime.hyperparameters.settings import Row
from optgen.runtime.kernels import CHECK_FINITE, CONSTRAINED, MATRIX, PERTURBED, Kernels
from optgen.runtime.matrix_blocks import in_blocks
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.ownership import owners_of, work_of
from optgen.runtime.view import View, view_of


class Chosen:
    """An optimizer with its options, for parameters of a dtype, in one of its steps."""

    def __init__(self, optimizer: Optimizer, dtype: str, step: int) -> None:
        core = core_of(optimizer)
        self.rule, self.dtype = type(optimizer), dtype
        self.settings, self.storage = core.settings, core.treatment.storage
        self.kernels: Kernels = self.rule.kernels_of("cpu")
        self.view = cache(self._view)
        rows = self.settings.rows((Row(),), step - 1)
        own = self.kernels.decided, self.kernels.scalars, rows
        self._decided = Decisions(*own, step, step).of(np.zeros(1, np.int64))

    def on(self, *, is_matrix: bool) -> Mapping[str, bool]:
        """The switches of a parameter."""
        optional = [one.switch for one in self.rule.inputs if one.optional]
        off = dict.fromkeys([*optional, CHECK_FINITE, CONSTRAINED, PERTURBED], False)
        return {**self.settings.on(), **self._decided, **off, MATRIX: is_matrix}

    def _view(self, tensor: Tensor) -> View | None:
        """The view of a parameter as matrices. Raises ValueError where blocks don't fit."""
        if not self.rule.view or tensor.is_plain or len(tensor.shape) < 2:
            return None
        strides = [prod(tensor.shape[axis + 1 :]) for axis in range(len(tensor.shape))]
        found = view_of(self.rule.view, tensor.shape, strides)
        found = in_blocks(found, self.settings.bound_of(BLOCK, Row()))
        return replace(found, rank=self.settings.bound_of(RANK, Row()))


@dataclass(frozen=True)
class Placed:
    """A parameter: the elements that each process has, and those that it updates.

    ``has`` are the processes whose optimizer has it. One that ``is_spread`` is in parts; its
    ``owner`` is the process that updates the whole matrix.
    """

    tensor: Tensor
    view: View | None
    on: Mapping[str, bool]
    held: Counts
    updated: Counts
    has: Counts
    is_spread: bool
    owner: int | None = None


def placed(chosen: Chosen, parameters: Parameters, sharding: Sharding) -> list[Placed]:
    """All parameters in their places."""
    found = [*_in_parts(chosen, parameters, sharding)]
    if sharding.kind is Kind.ZERO:
        return _with_states_in_one(found)
    return _with_owners(found, chosen, sharding) if chosen.rule.layout.matrices else found


def _in_parts(chosen: Chosen, parameters: Parameters, sharding: Sharding) -> Iterator[Placed]:
    parts, everywhere = cache(sharding.parts), np.ones(sharding.different, np.int64)
    settings = {is_matrix: chosen.on(is_matrix=is_matrix) for is_matrix in (False, True)}
    is_spread = sharding.kind is Kind.FSDP
    for tensor in parameters.tensors:
        view, here = chosen.view(tensor), parts(tensor.shape)
        own = tensor, view, settings[view is not None], here, here
        yield Placed(*own, everywhere, is_spread)


def _with_owners(every: Sequence[Placed], chosen: Chosen, sharding: Sharding) -> list[Placed]:
    """One process updates each matrix in parts, as ``optgen.torch`` assigns them."""
    found = [*every]
    some = [k for k, one in enumerate(found) if one.is_spread and one.view is not None]
    works = [work_of(found[k].tensor.shape, chosen.rule.view) for k in some]
    loads = np.zeros(sharding.different)
    owners = owners_of(works, [None] * len(works), loads)
    for index, owner in zip(some, owners, strict=True):
        found[index] = replace(found[index], updated=_at(owner, found[index]), owner=owner)
    return found


def _with_states_in_one(every: Sequence[Placed]) -> list[Placed]:
    """The parameters of ``ZeroRedundancyOptimizer``: the largest first, to whoever has the least.

    Plain ones are a group of their own, and come last.
    """
    found = [*every]
    loads = np.zeros(len(every[0].held))
    for is_plain in (False, True):
        some = [k for k, one in enumerate(found) if one.tensor.is_plain is is_plain]
        sizes = [found[k].tensor.elements for k in some]
        owners = owners_of(sizes, [None] * len(sizes), loads)
        for index, owner in zip(some, owners, strict=True):
            one = found[index]
            has = (np.arange(len(loads)) == owner).astype(np.int64)
            found[index] = replace(one, updated=_at(owner, one), has=has)
    return found


def _at(owner: int, one: Placed) -> Counts:
    return np.where(np.arange(len(one.held)) == owner, one.tensor.elements, 0)
