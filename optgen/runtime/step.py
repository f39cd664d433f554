"""What one call does to a built optimizer, once its gradients are checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optgen.runtime.arrays import Gradient
from optgen.runtime.kernels import Kernels
from optgen.runtime.memory import Mask
from optgen.runtime.model import Model
from optgen.runtime.settings import Settings
from optgen.runtime.treatment import Treatment

Gradients = list[Gradient | None]


@dataclass
class Counters:
    """How many calls there were, and how many of them made an update."""

    calls: int = 0
    updates: int = 0


class Step:
    """One call; ``nonfinite`` names the variables whose gradients keep it from being made."""

    def __init__(
        self, model: Model, settings: Settings, treatment: Treatment, kernels: Kernels
    ) -> None:
        self._model, self._settings = model, settings
        self._treatment, self._kernels = treatment, kernels
        self.nonfinite: list[str] = []

    def take(self, gradients: Gradients, counters: Counters) -> bool:
        """Make the step and count it; False where a gradient isn't finite and nothing changes.

        Raises TypeError or ValueError, with nothing changed, for changing hyperparameters.
        """
        model, engine = self._model, self._model.engine
        rows = self._settings.rows(model.row_set, counters.calls)
        program = engine.begin(rows, counters.calls + 1, counters.updates + 1)
        present = np.array([gradient is not None for gradient in gradients], np.bool_)
        chosen = present & model.trained
        if not program.gate and not present.all():
            chosen |= model.seen & model.trained
            model.fill_missing(gradients, chosen)
        bad = self._odd_overwriting(gradients)
        if not bad:
            found = engine.run(program, chosen, gradients)
            bad = [] if found is None else [int(index) for index in np.flatnonzero(found)]
        if bad:
            self.nonfinite = [model.paths[index] for index in bad]
            return False
        counters.calls += 1
        self._overwrite(gradients, is_update=not program.gate)
        if program.gate:
            model.seen |= present
            return True
        counters.updates += 1
        model.seen[:] = False
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
        absent = self._kernels.program("absent")
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
