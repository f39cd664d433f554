"""Rollback: copies of variables and states that a failed step restores."""

from __future__ import annotations

import numpy as np

from optgen.runtime.memory import Mask
from optgen.runtime.model import Model
from optgen.runtime.transaction import Call


class Undo:
    """The calls that give variables, and their states, the values that they had."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.calls: list[Call] = []
        #: The call after which nothing is given back.
        self.forget: Call = (self.calls.clear,)

    def keep(self, chosen: Mask) -> None:
        """Keep the values of the chosen variables, and of their states."""
        model, memory = self._model, self._model.memory
        for index in np.flatnonzero(chosen):
            for array in (model.variables[index], *model.state_of(int(index)).values()):
                self.calls.append(memory.assigning(array, memory.new(array, None)))
