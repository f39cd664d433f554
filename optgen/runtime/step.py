"""One call of a built optimizer, after validation of its gradients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optgen.runtime.arrays import Gradient
from optgen.runtime.counters import NOTHING_GIVEN, Counters, Given
from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.hyperparameters.treatment import NonfiniteGradientError, Treatment
from optgen.runtime.kernels import Program
from optgen.runtime.memory import Deferred, Mask
from optgen.runtime.model import Model
from optgen.runtime.other_programs import coming_back
from optgen.runtime.rollback import Undo
from optgen.runtime.scale import DynamicScale
from optgen.runtime.transaction import Call

Gradients = Sequence[Gradient | None]


class Step:
    """One call."""

    def __init__(
        self,
        model: Model,
        settings: Settings,
        treatment: Treatment,
        scaling: DynamicScale | None,
    ) -> None:
        self._model, self._settings = model, settings
        self._treatment, self._scaling = treatment, scaling

    def take(
        self,
        gradients: Gradients,
        counters: Counters,
        also: Sequence[Call] = (),
        given: Given = NOTHING_GIVEN,
    ) -> bool | None:
        """Make the step and count it; False if a gradient isn't finite and the step is skipped.

        None where only the device knows. ``also`` are calls of compiled code that belong to the
        step. Raises TypeError or ValueError for changing hyperparameters, NonfiniteGradientError
        where that was asked for, and what a constraint raises; with nothing changed. An exception
        that comes from elsewhere, as that of Ctrl-C does, finds the step made or not made.
        """
        deferred = self._model.deferred
        if deferred is not None and self._may_defer(deferred, gradients):
            self._refuse_deciding(given)
            self._defer(deferred, gradients, counters, also)
            return None
        self._model.recall(counters)
        with self._model.guard:
            return self._take(gradients, counters, also, given)

    def _refuse_deciding(self, given: Given) -> None:
        """Raise RuntimeError for a call whose kernels the host would have to choose."""
        model = self._model
        if given or model.is_decided_by_calls or model.is_perturbed:
            message = "a rule with inputs, or with conditions that calls decide, can't be captured"
            raise RuntimeError(f"{message}, nor skipped by the device")

    def _may_defer(self, deferred: Deferred, gradients: Gradients) -> bool:
        """Whether the device decides and counts this call: if that is possible and necessary.

        Raises RuntimeError for one that is captured and can't be.
        """
        is_capturing = deferred.is_capturing
        is_skipping = self._treatment.on_nonfinite == "skip"
        if not (is_skipping or is_capturing or deferred.is_captured or deferred.ages_at):
            return False
        model = self._model
        is_even = None not in gradients and (deferred.is_counting or model.all_or_none_seen)
        may = not (model.constraints or model.overwritten or model.calls_libraries)
        may = may and (is_even or not any(model.gathers))
        if is_capturing and not may:
            what = "functions of matrices, constraints, or variables overwritten with gradients"
            message = f"a step with {what}, or while it gathers gradients of which some are missing"
            raise RuntimeError(f"{message}, can't be captured")
        return may

    def _defer(
        self, deferred: Deferred, gradients: Gradients, counters: Counters, also: Sequence[Call]
    ) -> None:
        model, settings = self._model, self._settings
        if not deferred.is_counting:
            self._model.hand_over(counters, self._settings, self._scaling)
        rows = settings.rows(model.row_set, deferred.attempts)
        if deferred.is_capturing:
            changing = settings.changing(model.row_set)
            changing -= {*settings.loss_scales} if self._scaling else set()
            if changing:
                names = ", ".join(sorted(changing))
                raise RuntimeError(f"a graph can't compute {names}, which changes between calls")
        by_call, present = settings.by_call(model.row_set), model.present(gradients)
        chosen, left = present & model.trained, ~present & model.trained
        calls: list[Call] = [
            (deferred.put, rows, by_call),
            (deferred.call, chosen, left, gradients),
        ]
        model.memory.commit([*calls, *also, *model.memory.changed(model.variables)])

    def _take(
        self, gradients: Gradients, counters: Counters, also: Sequence[Call], given: Given
    ) -> bool:
        model = self._model
        if missing := model.missing(given):
            message = f"a step needs {', '.join(missing)} beside the gradients"
            raise TypeError(f"{message}, which only apply of an optimizer of arrays takes")
        rows = self._settings.rows(model.row_set, counters.calls)
        present = model.present(gradients)
        program = model.begin(rows, counters, given)
        engine = model.engine
        chosen = present & model.trained
        if not program.gate and not present.all():
            chosen |= model.seen & model.trained
            gradients = model.filled(gradients, chosen)
        bad = self._odd_overwriting(gradients)
        if not bad:
            found = engine.sum_up(program, chosen, gradients)
            bad = [] if found is None else [int(index) for index in np.flatnonzero(found)]
        if bad:
            if self._treatment.on_nonfinite == "raise":
                names = ", ".join(model.paths[index] for index in bad)
                raise NonfiniteGradientError(f"the gradient is not finite of {names}")
            scale = self._scaling.shrinking() if self._scaling else []
            if back := coming_back(model, model.trained):
                back += [*also, *model.memory.changed(model.variables)]
            model.memory.commit([*back, *scale, *self._handing_over(counters)])
            return False
        calls = self._overwriting(gradients, is_update=not program.gate)
        calls.append((setattr, counters, "calls", counters.calls + 1))
        calls += self._scaling.growing() if self._scaling else []
        calls += [*also, *model.memory.changed(model.variables), *self._handing_over(counters)]
        if program.gate:
            gathered = np.logical_or, model.seen, present, model.seen
            back = coming_back(model, model.trained & ~chosen)
            model.memory.commit([*engine.launches(program, chosen), *back, gathered, *calls])
        else:
            calls.insert(0, (setattr, counters, "updates", counters.updates + 1))
            self._update(program, chosen, [*model.updated(chosen), *calls])
        return True

    def _update(self, program: Program, chosen: Mask, calls: Sequence[Call]) -> None:
        """An update of the chosen variables, with further calls in the same transaction.

        Variables with a constraint come first: until it is known what constraints make of them,
        they and their states can be given back.
        """
        model, undo = self._model, Undo(self._model)
        commit, launches = model.memory.commit, model.engine.launches
        absent = model.engine.program("absent")
        measuring = model.engine.measuring(program, chosen)
        try:
            done = np.zeros_like(chosen)
            if model.constraints:
                held = chosen & model.constrained
                # Stages between stores need the results of all variables.
                done = held if program.is_single else chosen
                undo.keep(done)
                commit(launches(program, done))
                self._constrain(held)
            made = launches(program, chosen & ~done) if (chosen & ~done).any() else []
            made += coming_back(model, model.trained & ~chosen)
            if absent is not None:
                left = model.trained & ~(chosen & ~model.constrained)
                if left.any():
                    model.engine.sum_up(absent, left, ())
                    made += launches(absent, left)
            commit([*made, *measuring, *calls, undo.forget])
        except BaseException:
            commit(undo.calls)
            raise

    def _constrain(self, held: Mask) -> None:
        model = self._model
        for index in map(int, np.flatnonzero(held)):
            path = model.paths[index]
            constrained = model.memory.constrained(
                path, model.constraints[path], model.remainders.whole(index)
            )
            for function, *arguments in model.remainders.assigning(index, constrained):
                function(*arguments)

    def _handing_over(self, counters: Counters) -> list[Call]:
        """The call that updates counters and scale of a captured graph, after a step outside."""
        deferred = self._model.deferred
        if deferred is None or not deferred.is_captured:
            return []
        return [(self._model.hand_over, counters, self._settings, self._scaling)]

    def _odd_overwriting(self, gradients: Gradients) -> list[int]:
        """The overwritten variables whose gradient isn't finite."""
        if not self._treatment.checks_gradients:
            return []
        given = [(index, gradients[index]) for index in self._model.overwritten]
        return [i for i, found in given if found and not self._model.memory.is_finite(found.array)]

    def _overwriting(self, gradients: Gradients, *, is_update: bool) -> list[Call]:
        """The calls that overwrite variables with their gradients.

        That is the largest one of all calls since the last update.
        """
        model, memory = self._model, self._model.memory
        calls: list[Call] = []
        for index in model.overwritten:
            gradient, largest = gradients[index], model.largest[index]
            if gradient is None and not (is_update and model.seen[index]):
                continue
            if largest is not None and gradient is not None:
                calls.append(memory.raising(largest, gradient.array))
            value = gradient.array if largest is None and gradient is not None else largest
            if is_update:
                calls.append(memory.assigning(model.variables[index], value))
                if largest is not None:
                    calls.append(memory.assigning(largest, 0))
        return calls
