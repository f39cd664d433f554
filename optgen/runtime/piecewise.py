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


def refusal(rule: type[Generated], switches: Sequence[Mapping[str, bool]]) -> str:
    """Why no call in pieces is possible for these switch settings; empty if one is."""
    if any(not one.optional for one in rule.inputs):
        return "the rule takes more than a gradient, which only a step is given"
    programs = [one for one in rule.layout.programs if any(map(one.when, switches))]
    if any(program.name == PERTURB for program in programs):
        return "the rule takes a second gradient before it makes an update"
    return ""


def obstacle(
    rule: type[Generated], switches: Sequence[Mapping[str, bool]], *, is_spread: bool
) -> str:
    """Why variables of these switch settings are updated together; empty if one by one.

    Where they are ``spread``, other processes have parts of them.
    """
    pairs = [(program, on) for program in rule.layout.programs for on in switches]
    for program, on in pairs:
        if not program.when(on):
            continue
        phases = [phase for phase in program.phases if phase.when(on)]
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

    def __init__(
        self, model: Model, settings: Settings, counters: Counters, *, is_joint: bool = False
    ) -> None:
        """Begin a call. Raises TypeError or ValueError for hyperparameters that aren't allowed.

        If it ``is_joint``, all variables are updated at its end: until then, gradients are added
        to their sums, which an optimizer that accumulates has anyway.
        """
        model.recall(counters)
        self._model, self._counters = model, counters
        self._rows = settings.rows(model.row_set, counters.calls)
        program = model.begin(self._rows, counters)
        self.is_joint = is_joint and not program.gate
        gathering = model.engine.program("otherwise") if self.is_joint else None
        self._program = gathering or program
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
            chosen = model.seen | self.done if self.is_joint else model.seen & ~self.done
            due = [*self._without_gradients(program, chosen)]
            updated = self.done | chosen
            due += [(setattr, counters, "updates", counters.updates + 1), *model.updated(updated)]
            due += [*model.engine.measuring(program, updated), *calls]
            model.memory.commit([*due, *model.memory.changed(model.variables)])

    def _without_gradients(self, program: Program, chosen: Mask) -> Iterator[Call]:
        """The calls for chosen variables, whose gradients are in their sums, and for the others."""
        model = self._model
        if chosen.any():
            # All read one array of zeros.
            longest = max(np.flatnonzero(chosen), key=lambda k: model.variables[k].nbytes)
            zeros = model.memory.new(model.variables[longest], 0.0)
            none = Gradient(zeros, model.memory.address(zeros))
            yield from self._launches(program, chosen, [none if one else None for one in chosen])
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
