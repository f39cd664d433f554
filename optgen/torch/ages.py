"""The number of updates of each parameter, as torch counts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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

    @property
    def values(self) -> Any:
        """The ages, in memory of the host."""
        # The same memory: NumPy increments it faster.
        return self.shown.numpy()

    def start(self, ages: Sequence[float]) -> None:
        """Set the ages."""
        self.shown.copy_(torch.tensor(ages, dtype=torch.float64))

    def next(self, updates: int) -> Steps:
        """The number of the next update of each parameter; one, where all are of one age.

        Raises ValueError where users made an age no number from 0 on.
        """
        ages = self.values
        youngest, oldest = ages.min(), ages.max()
        if not youngest >= 0:
            path = self._paths[int(np.flatnonzero(~(ages >= 0))[0])]
            raise ValueError(f"the state {AGE} of parameter {path} must be a number from 0 on")
        if youngest == oldest:
            return int(youngest) + 1
        each: Steps = (ages + 1).astype(np.int64)
        return each

    def counting(self, chosen: Mask) -> list[Call]:
        """The calls that count an update of some parameters."""
        ages = self.values
        return [(np.add, ages, chosen, ages)]


class AgesOnDevice(OwnAges):
    """The ages of parameters on a device, which counts the updates that a graph makes."""

    def __init__(self, paths: Sequence[str], device: torch.device) -> None:
        super().__init__(paths)
        self.shown = torch.zeros(len(paths), dtype=torch.float64, device=device)

    @property
    def values(self) -> Any:
        """A copy of the ages; waits for the device."""
        return self.shown.cpu().numpy()

    def counting(self, chosen: Mask) -> list[Call]:
        """The calls that count an update of some parameters."""
        return [(self.shown.add_, torch.tensor(chosen, device=self.shown.device))]
