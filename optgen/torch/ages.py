"""The number of updates of each parameter, as torch counts them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from optgen.runtime.cpu.scalars import Steps
from optgen.runtime.memory import Mask
from optgen.runtime.transaction import Call
from optgen.torch.states import AGE


class OwnAges:
    """The ages of parameters, in one tensor of which states hold views."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self.shown = torch.zeros(len(paths), dtype=torch.float64)
        # The same memory: NumPy increments it faster.
        self._counted = self.shown.numpy()

    def start(self, ages: Sequence[float]) -> None:
        """Set the ages."""
        self._counted[...] = ages

    def next(self, updates: int) -> Steps:
        """The number of the next update of each parameter; one, where all are of one age.

        Raises ValueError where users made an age no number from 0 on.
        """
        youngest, oldest = self._counted.min(), self._counted.max()
        if not youngest >= 0:
            path = self._paths[int(np.flatnonzero(~(self._counted >= 0))[0])]
            raise ValueError(f"the state {AGE} of parameter {path} must be a number from 0 on")
        if youngest == oldest:
            return int(youngest) + 1
        return (self._counted + 1).astype(np.int64)

    def counting(self, chosen: Mask) -> list[Call]:
        """The calls that count an update of some parameters."""
        return [(np.add, self._counted, chosen, self._counted)]
