"""A call in pieces: variables are updated one by one, as their gradients arrive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import setitem

import numpy as np

from optgen.runtime.arrays import Gradient, Gradients
from optgen.runtime.counters import Counters
from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.kernels import OPTIMIZER, PERTURB, Program
from optgen.runtime.memory import Mask
from optgen.runtime.model import Model
from optgen.runtime.rule_metadata import Generated
from optgen.runtime.transaction import Call


def obstacle(
    rule: type[Generated], switches: Sequence[Mapping[str, bool]], *, is_spread: bool
) -> str:
    """Why variables of these switch settings can't be updated one by one; empty if they can.

    Where they are ``spread``, other processes have parts of them.
    """
    if any(not one.optional for one in rule.inputs):
        return "the rule takes more than a gradient, which only a step is given"
    pairs = [(program, on) for program in rule.layout.programs for on in switches]
    for program, on in pairs:
        if not program.when(on):
            continue
        phases = [phase for phase in program.phases if phase.when(on)]
        if program.name == PERTURB:
            return "the rule takes a second gradient before it makes an update"
        if any(norm.everywhere and norm.when(on) for norm in program.norms):
            return "the norm of all gradients is known only with the last one"
        if any(keep.shape == OPTIMIZER and keep.when(on) for keep in program.keeps):
            return "the rule has a number that all parameters share and change"
        if any(phase.has_shared for phase in phases):
            return "a number follows from the gradients of all parameters together"
        if is_spread and any(phase.reduces for phase in phases):
            return "norms of parameters in parts are exchanged by all processes at once"
    return ""


class Piecewise:
    """One call of a model. Its scalars and its program are chosen at the beginning."""

    def __init__(self, model: Model, settings: Settings, counters: Counters) -> None:
        """Begin a call. Raises TypeError or ValueError for hyperparameters that aren't allowed."""
        model.recall(counters)
        self._model, self._counters = model, counters
        self._rows = settings.rows(model.row_set, counters.calls)
        self._program = model.begin(self._rows, counters)
        #: The variables that had their gradient.
        self.done: Mask = np.zeros_like(model.every)

    def take(self, index: int, gradient: Gradient, also: Sequence[Call] = ()) -> None:
        """Update one variable, or add its gradient to the sum. ``also`` belongs to that."""
        model = self._model
        chosen = np.zeros_like(self.done)
        chosen[index] = True
        addresses = np.zeros(len(chosen), np.int64)
        addresses[index] = gradient.address
        found = Gradients(lambda k: gradient.array if k == index else None, addresses)
        with model.guard:
            calls = self._launches(self._program, chosen, found)
            calls.append((setitem, self.done, index, True))
            model.memory.commit([*calls, *also, *model.memory.changed([model.variables[index]])])

    def finish(self, also: Sequence[Call] = ()) -> None:
        """Update what is due without a gradient, and count the call."""
        model, counters = self._model, self._counters
        # Other programs may have computed scalars meanwhile.
        program = model.begin(self._rows, counters)
        calls: list[Call] = [(setattr, counters, "calls", counters.calls + 1), *also]
        with model.guard:
            if program.gate:
                calls.append((np.logical_or, model.seen, self.done, model.seen))
                model.memory.commit(calls)
                return
            chosen = model.seen & ~self.done
            due = [*self._without_gradients(program, chosen)]
            updated = self.done | chosen
            due += [(setattr, counters, "updates", counters.updates + 1), *model.updated(updated)]
            due += [*model.engine.measuring(program, updated), *calls]
            model.memory.commit([*due, *model.memory.changed(model.variables)])

    def _without_gradients(self, program: Program, chosen: Mask) -> Iterator[Call]:
        """The calls for variables that only earlier calls had a gradient of, and for the others."""
        model = self._model
        if chosen.any():
            none: list[Gradient | None] = [None] * len(chosen)
            yield from self._launches(program, chosen, model.filled(none, chosen))
        absent = model.engine.program("absent")
        left = model.trained & ~(self.done | chosen)
        if absent is not None and left.any():
            yield from self._launches(absent, left, ())

    def _launches(
        self, program: Program, chosen: Mask, gradients: Sequence[Gradient | None]
    ) -> list[Call]:
        model = self._model
        model.engine.sum_up(program, chosen, gradients)
        return model.engine.launches(program, chosen)
