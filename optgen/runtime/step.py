"""What one call does to a built optimizer, once its gradients are checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optgen.runtime.arrays import Gradient
from optgen.runtime.memory import Deferred, Mask
from optgen.runtime.model import Counters, Model
from optgen.runtime.scale import DynamicScale
from optgen.runtime.settings import Settings
from optgen.runtime.treatment import NonfiniteGradientError, Treatment

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

    def take(self, gradients: Gradients, counters: Counters) -> bool | None:
        """Make the step and count it; False where a gradient isn't finite and nothing changes.

        None where only the device knows. Raises TypeError or ValueError for changing
        hyperparameters, and NonfiniteGradientError where that was asked for; with nothing changed.
        """
        deferred = self._model.deferred
        if deferred is not None and self._may_defer(deferred, gradients):
            self._defer(deferred, gradients, counters)
            return None
        self._model.recall(counters)
        taken = self._take(gradients, counters)
        if deferred is not None and deferred.is_captured:
            self._model.hand_over(counters, self._settings, self._scaling)
        return taken

    def _may_defer(self, deferred: Deferred, gradients: Gradients) -> bool:
        """Whether a call is made without the host's knowledge; it is where it can and must be.

        Raises RuntimeError for one that is captured and can't be.
        """
        is_capturing = deferred.is_capturing
        if not (self._treatment.on_nonfinite == "skip" or is_capturing or deferred.is_captured):
            return False
        model = self._model
        is_even = None not in gradients and (deferred.is_counting or model.all_or_none_seen)
        may = not (model.constraints or model.overwritten) and (is_even or not any(model.gathers))
        if is_capturing and not may:
            what = "constraints, with variables that take their gradient's value, or while it"
            raise RuntimeError(
                f"a step with {what} gathers gradients of which some are missing, can't be captured"
            )
        return may

    def _defer(self, deferred: Deferred, gradients: Gradients, counters: Counters) -> None:
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
        deferred.put(rows, settings.by_call(model.row_set))
        present = model.present(gradients)
        deferred.call(present & model.trained, ~present & model.trained, gradients)
        model.memory.changed(model.variables)

    def _take(self, gradients: Gradients, counters: Counters) -> bool:
        model = self._model
        rows = self._settings.rows(model.row_set, counters.calls)
        present = model.present(gradients)
        program = model.begin(rows, counters)
        engine = model.engine
        chosen = present & model.trained
        if not program.gate and not present.all():
            chosen |= model.seen & model.trained
            gradients = model.filled(gradients, chosen)
        bad = self._odd_overwriting(gradients)
        if not bad:
            found = engine.run(program, chosen, gradients)
            bad = [] if found is None else [int(index) for index in np.flatnonzero(found)]
        if bad:
            if self._treatment.on_nonfinite == "raise":
                names = ", ".join(model.paths[index] for index in bad)
                raise NonfiniteGradientError(f"the gradient is not finite of {names}")
            return False
        counters.calls += 1
        model.memory.changed(model.variables)
        self._overwrite(gradients, is_update=not program.gate)
        if program.gate:
            model.seen |= present
            return True
        counters.updates += 1
        model.updated(chosen)
        self._finish(chosen)
        return True

    def _finish(self, chosen: Mask) -> None:
        """Constraints, and then what runs for every variable. A failing constraint raises last."""
        model = self._model
        failures: list[Exception] = []
        for index in np.flatnonzero(chosen & model.constrained) if model.constraints else ():
            path, variable = model.paths[index], model.variables[index]
            try:
                constraint = model.constraints[path]
                model.memory.assign(variable, model.memory.constrained(path, constraint, variable))
            except Exception as error:
                failures.append(error)
        absent = model.engine.program("absent")
        if absent is not None:
            left = model.trained & (~chosen | model.constrained)
            if left.any():
                model.engine.run(absent, left)
        if failures:
            raise failures[0]

    def _odd_overwriting(self, gradients: Gradients) -> list[int]:
        """Which of the variables that take their gradient's value have one that isn't finite."""
        if not self._treatment.checks_gradients:
            return []
        given = [(index, gradients[index]) for index in self._model.overwritten]
        return [i for i, found in given if found and not self._model.memory.is_finite(found.array)]

    def _overwrite(self, gradients: Gradients, *, is_update: bool) -> None:
        """Give variables their gradient's value; the largest one of all calls since the last."""
        model = self._model
        for index in model.overwritten:
            gradient, largest = gradients[index], model.largest[index]
            if gradient is None and not (is_update and model.seen[index]):
                continue
            if largest is not None and gradient is not None:
                model.memory.raise_to(largest, gradient.array)
            value = gradient.array if largest is None and gradient is not None else largest
            if is_update:
                model.memory.assign(model.variables[index], value)
                if largest is not None:
                    model.memory.assign(largest, 0)
