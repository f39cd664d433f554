"""The parameters of an optimizer of torch as kernels see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from optgen.runtime.arrays import Gradient, Spans, spans_of
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.hyperparameters.treatment import Treatment
from optgen.runtime.kernels import Program
from optgen.runtime.memory import Host, Mask
from optgen.runtime.model import Counters, Model
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.stand_ins import Standing, stand_ins
from optgen.runtime.transaction import Call
from optgen.torch.batched_gradients import Together
from optgen.torch.dense_copies import Copies, refuse_shared
from optgen.torch.distributed import Shards, is_shared, local, placed_like
from optgen.torch.gradients import gradients_of, seen
from optgen.torch.states import AGE, Given

Tensor = torch.Tensor


class TensorModel(Model):
    """A model of tensors, each of which counts its own updates."""

    def __init__(
        self,
        rule: type[Optimizer],
        params: Mapping[str, Tensor],
        found: Sequence[Given],
        settings: Settings,
        treatment: Treatment,
        *,
        shows_ages: bool = True,
    ) -> None:
        """``found`` is the state that each parameter has; its tensors are used where they can be.

        Where ages needn't be shown, they are only where some state is that torch doesn't know.
        Raises TypeError or ValueError where parameters or states can't be updated.
        """
        self.params, self._shards = list(params.values()), Shards(list(params.values()))
        self._locals = [local(param) for param in self.params]
        refuse_shared(dict(zip(params, self._locals, strict=True)))
        self.copies, self._found = Copies(self._locals), found
        #: The states of each parameter by name, in the memory that kernels update.
        self.own: list[dict[str, Tensor]] = [{} for _ in found]
        self._stand_ins = {state.name for state in rule.states if state.stands_in}
        self._of_rule = {s.name for s in rule.states if not (s.stands_in or s.gathers)}
        arrays = dict(zip(params, map(seen, self.copies.dense), strict=True))
        kernels = rule.kernels, rule.cuda_kernels
        super().__init__(arrays, rule.states, settings, treatment, *kernels)
        self._refuse_shared_states()
        self._count_from(shows_ages=shows_ages)
        self._settings, self.treatment = settings, treatment
        #: The setting of the switches for each group of parameters.
        self.built_for: list[dict[str, bool]] = []
        self._base = np.array([self.row_set.index(row) for row in self.rows], np.int64)
        self._placed: bytes = self._base.tobytes()
        every, programs = self._switches(settings, treatment), rule.kernels.programs
        passes = [one for program in programs for one in program.prepasses]
        self._takes_sums = any(one.when(on) for one in passes for on in every)
        absent = self.engine.program("absent")
        self._changes_absent = absent is not None and any(map(absent.when, every))
        self._spread()
        is_plain = not (any(map(is_shared, self.params)) or self.copies)
        self._together = Together.of(self.params, self.written) if is_plain else None

    def new_state(self, index: int, name: str, value: float | None) -> Any:
        """A state in the memory of what was found; a new one where there is none that fits."""
        found, param = self._found[index].tensors.get(name), self.params[index]
        if found is None:
            is_late = name in self._stand_ins and self._found[index].age > 0
            array = super().new_state(index, name, None if is_late else value)
            self.own[index][name] = like(array, param)
            return array
        placed = placed_like(found, param)
        kept = local(placed).to(self.copies.dense[index])
        if not param.is_cuda and _lies_like(array := seen(kept), self.variables[index]):
            is_there = placed is found and kept.data_ptr() == local(found).data_ptr()
            self.own[index][name] = found if is_there else like(array, param)
            return array
        array = super().new_state(index, name, 0.0)
        self.memory.assign(array, kept if param.is_cuda else seen(kept))
        self.own[index][name] = like(array, param)
        return array

    def _refuse_shared_states(self) -> None:
        if any(found.tensors for found in self._found) and not any(p.is_cuda for p in self.params):
            Spans(spans_of(self._written())).refuse_overlaps()

    def _count_from(self, *, shows_ages: bool) -> None:
        """Begin with the updates there were; anew where all states of a parameter are new."""
        ages = [
            0.0 if own and not any(name in found.tensors for name in own) else found.age
            for own, found in zip(self.own, self._found, strict=True)
        ]
        self.ages = torch.tensor(ages, dtype=torch.float64)
        # The same memory: to count in it takes NumPy less time.
        self._counted = self.ages.numpy()
        for index, own in enumerate(self.own):
            if shows_ages or not self._of_rule.issuperset(own):
                own[AGE] = self.ages[index]

    def gradients(self) -> Sequence[Gradient | None]:
        """The gradients of all parameters, None where one is missing, fit to be pointed at.

        Raises TypeError or ValueError for one that doesn't fit.
        """
        found = None
        if self._together is not None:
            found = self._together.gradients()
        return self.checked(gradients_of(self.params)) if found is None else found

    def _spread(self) -> None:
        """Let sums be those over all shards, where any are taken."""
        if self._shards and self._takes_sums:
            self.engine.spread(self._shards.sizes, self._shards.complete)

    def touched(self, gradients: Sequence[Gradient | None]) -> Mask:
        """The parameters that a step may change: those with a gradient since the last update.

        All, where a rule does something to the others too.
        """
        return self._all if self._changes_absent else self.present(gradients) | self.seen

    def averages(self, declared: Sequence[State], updates: int) -> Standing:
        """What stands in for the parameters, for each where there is any."""
        return self, stand_ins(self, declared, updates), self.copies.filled(self._all)

    def begin(self, rows: Host, counters: Counters) -> Program:
        """Compute the scalars of the next call; parameters of one age share a row."""
        steps = self._counted + 1
        if not (steps >= 1).all():
            path = self.paths[int(np.flatnonzero(~(steps >= 1))[0])]
            raise ValueError(f"the state {AGE} of parameter {path} must be a number from 0 on")
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


def _lies_like(array: Any, variable: Any) -> bool:
    """Whether kernels may go through a state as they do through its variable."""
    flags = array.flags
    return bool(array.strides == variable.strides and flags.aligned and flags.writeable)


def like(array: Any, param: Any) -> Tensor:
    """An array of ours as a tensor in the same memory, spread over processes as a parameter is."""
    found = torch.as_tensor(array, device=param.device)
    if not is_shared(param):
        return found
    shared: Tensor = type(param.detach()).from_local(
        found, param.device_mesh, param.placements, shape=param.shape, stride=param.stride()
    )
    return shared
