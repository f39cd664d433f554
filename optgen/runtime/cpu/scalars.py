"""Host scalars, computed for each row of hyperparameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from optgen.runtime.cpu.launch import launch

Host = np.ndarray[Any, np.dtype[Any]]
#: The number of an update: one for all rows, or one for each.
Steps = int | Host


def compute(kernel: Any, hyperparameters: Host, scalars: Host, call: int, steps: Steps) -> None:
    """Fill the rows of ``scalars`` by a kernel."""
    if isinstance(steps, int):
        launch(kernel, range, hyperparameters, scalars, float(call), float(steps))
        return
    for row, step in enumerate(steps.tolist()):
        one = slice(row, row + 1)
        launch(kernel, range, hyperparameters[one], scalars[one], float(call), float(step))
