"""The parameters of an optimizer of torch as kernels see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from optgen.runtime.arrays import Gradient
from optgen.runtime.kernels import Program
from optgen.runtime.memory import Host, Mask
from optgen.runtime.model import Counters, Model
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.settings import Settings
from optgen.runtime.treatment import Treatment
from optgen.runtime.whole import Call
from optgen.torch.gradients import gradients_of, seen
from optgen.torch.halves import Halves
from optgen.torch.positions import Positions
from optgen.torch.shards import Shards, is_shared, local
from optgen.torch.together import Together

Tensor = torch.Tensor


class TensorModel(Model):
    """A model of tensors, each of which counts its own updates."""

    def __init__(
        self,
        rule: type[Optimizer],
        params: Mapping[str, Tensor],
        settings: Settings,
        treatment: Treatment,
        ages: Tensor,
    ) -> None:
        """``ages`` are the updates that each parameter has had; they are counted on here."""
        self.params, self._shards = list(params.values()), Shards(list(params.values()))
        self._locals = [local(param) for param in self.params]
        self.halves = Halves(self._locals)
        arrays = dict(zip(params, map(seen, self.halves.wide), strict=True))
        kernels = rule.kernels, rule.cuda_kernels
        super().__init__(arrays, rule.states, settings, treatment, *kernels)
        #: The setting of the switches for each group of parameters.
        self.built_for: list[dict[str, bool]] = []
        self._is_shared = any(map(is_shared, self.params))
        self._positions = None if self._is_shared else Positions(self.params)
        self._pointers = [param.data_ptr() for param in self._locals]
        self.ages, self._settings, self.treatment = ages, settings, treatment
        # The same memory: to count in it takes NumPy less time.
        self._counted = ages.numpy()
        self._base = np.array([self.row_set.index(row) for row in self.rows], np.int64)
        self._placed: bytes = self._base.tobytes()
        every, programs = self._switches(settings, treatment), rule.kernels.programs
        passes = [one for program in programs for one in program.prepasses]
        self._takes_sums = any(one.when(on) for one in passes for on in every)
        absent = self.engine.program("absent")
        self._changes_absent = absent is not None and any(map(absent.when, every))
        self._spread()
        is_plain = not (self._is_shared or self.halves)
        self._together = Together.of(self.params, self.written) if is_plain else None

    def gradients(self) -> Sequence[Gradient | None]:
        """The gradients of all parameters, None where one is missing, fit to be pointed at.

        Raises TypeError or ValueError for one that doesn't fit.
        """
        found = None
        if self._together is not None:
            found = self._together.gradients()
        return self.checked(gradients_of(self.params)) if found is None else found

    @property
    def is_current(self) -> bool:
        """Whether all parameters still have the memory that they had."""
        if self._positions is not None:
            return self._positions.are_current
        return [local(param).data_ptr() for param in self.params] == self._pointers

    def _spread(self) -> None:
        """Let sums be those over all shards, where any are taken."""
        if self._shards and self._takes_sums:
            self.engine.spread(self._shards.sizes, self._shards.complete)

    def touched(self, gradients: Sequence[Gradient | None]) -> Mask:
        """The parameters that a step may change: those with a gradient since the last update.

        All, where a rule does something to the others too.
        """
        if self._changes_absent or not self.halves:
            return self._all
        return self.present(gradients) | self.seen

    def begin(self, rows: Host, counters: Counters) -> Program:
        """Compute the scalars of the next call; parameters of one age share a row."""
        steps = self._counted + 1
        first = int(steps[0])
        if (steps == first).all():
            self._place(self._base, len(self.row_set))
            return self.engine.begin(rows, counters.calls + 1, first)
        pairs, places = np.unique(
            np.stack([self._base, steps.astype(np.int64)]), axis=1, return_inverse=True
        )
        self._place(places.reshape(-1), pairs.shape[1])
        return self.engine.begin(rows[pairs[0]], counters.calls + 1, pairs[1])

    def _place(self, rows: Host, count: int) -> None:
        """Point the kernels at other rows, where parameters aren't of one age any more."""
        if rows.tobytes() != self._placed:
            parts = self._parts(self._switches(self._settings, self.treatment))
            states, own = self.states, rows.tolist()
            # Until all is done, nothing is known to be in its place.
            self._placed = b""
            self.engine = self.memory.engine(self.variables, states, own, count, parts)
            self._spread()
            self._placed = rows.tobytes()

    def updated(self, chosen: Mask) -> list[Call]:
        """The calls that count an update of some parameters."""
        return [*super().updated(chosen), (np.add, self._counted, chosen, self._counted)]


def like(array: Any, param: Any) -> Tensor:
    """An array of ours as a tensor in the same memory, spread over processes as a parameter is."""
    found = torch.as_tensor(array, device=param.device)
    if not is_shared(param):
        return found
    shared: Tensor = type(param.detach()).from_local(
        found, param.device_mesh, param.placements, shape=param.shape, stride=param.stride()
    )
    return shared
