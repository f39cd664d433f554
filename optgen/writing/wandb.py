"""Numbers as a history of Weights & Biases."""

from __future__ import annotations

from typing import Any

from optgen.writing.numbers import Numbers, needed, titled


class WeightsAndBiases:
    """Writes to a run; without one, to that of ``wandb.init``.

    Raises ImportError, which says what to install, and RuntimeError where there is no run.
    """

    def __init__(self, run: Any = None) -> None:
        self._run = needed("wandb", "wandb").run if run is None else run
        if self._run is None:
            raise RuntimeError("there is no run yet; call wandb.init before, or pass a run")

    def write(self, numbers: Numbers, step: int) -> None:
        """Write what ``statistics`` returned, as of a step."""
        self._run.log(dict(titled(numbers)), step=step)
