"""Switches that each call decides, by hyperparameters and counters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optgen.runtime.cpu.scalars import Steps
from optgen.runtime.hyperparameters.declarations import Switch

Array = np.ndarray[Any, np.dtype[Any]]


class Decisions:
    """The switches of one call for each row of hyperparameters."""

    def __init__(
        self,
        switches: Sequence[Switch],
        columns: Sequence[str],
        hyperparameters: Array,
        call: int,
        steps: Steps,
    ) -> None:
        self._switches, self._columns = switches, columns
        self._rows, self._call, self._steps = hyperparameters, call, steps

    def of(self, rows: Array) -> dict[str, bool]:
        """The switches of variables in some rows. Raises ValueError where they differ."""
        found: dict[str, bool] = {}
        for row in np.unique(rows):
            numbers = self._rows[row].tolist()
            step = self._steps if isinstance(self._steps, int) else int(self._steps[row])
            values = dict(zip(self._columns, numbers, strict=False))
            values |= {"call": self._call, "step": step}
            for switch in self._switches:
                holds = bool(switch.condition(values))
                if found.setdefault(switch.name, holds) != holds:
                    raise ValueError(
                        f"{switch.name} holds for some of the variables and not for others in "
                        "this call; they need the same hyperparameters and numbers of updates"
                    )
        return found
