"""Rollback: copies of variables and states that a failed step restores."""

from __future__ import annotations

import numpy as np

from optgen.runtime.memory import Mask
from optgen.runtime.model import Model
from optgen.runtime.transaction import Call


class Undo:
    """The calls that restore variables and their states."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.calls: list[Call] = []
        #: The call that commits: after it, nothing is restored.
        self.forget: Call = (self.calls.clear,)

    def keep(self, chosen: Mask) -> None:
        """Copy the chosen variables and their states."""
        model, memory = self._model, self._model.memory
        for index in np.flatnonzero(chosen):
            for array in (model.variables[index], *model.state_of(int(index)).values()):
                self.calls.append(memory.assigning(array, memory.new(array, None)))
        for array in model.shared.values():
            self.calls.append(memory.assigning(array, memory.new(array, None)))
