"""Hard inputs for error measurements: fixed short runs of gradients."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

#: The kind of inputs for which sums lose their leading digits by cancellation.
CANCELLING = "cancelling"
#: The kind of inputs whose squares are below the range of float32.
TINY = "tiny"
#: The measured steps of a run, and the step number of the last one in one kind of run.
MEASURED, LATE = (1, 2, 5, 20), 10**6
_RUNS = 4
#: Magnitudes of gradients with constant sign.
_SIZES: Mapping[str, float] = {
    "first step": 1.0,
    "ordinary": 1.0,
    "small": 1e-6,
    TINY: 1e-25,
    "huge": 1e15,
    "step 10**6": 1.0,
}


@dataclass(frozen=True)
class Run:
    """Gradients of one kind, and the numbers of the measured steps."""

    kind: str
    gradients: tuple[float, ...]
    measured: tuple[int, ...]

    def number(self, place: int) -> int:
        """The step number of a gradient; the first gradient has place 1."""
        return place + LATE - len(self.gradients) if self.kind == "step 10**6" else place


def runs() -> Iterator[Run]:
    """All runs; their gradients are independent of the machine."""
    draw = random.Random(0)
    for kind, size in _SIZES.items():
        measured = MEASURED[:1] if kind == "first step" else MEASURED[1:]
        for _ in range(_RUNS):
            drawn = tuple(size * (0.5 + draw.random()) for _ in range(measured[-1]))
            yield Run(kind, drawn, measured)
    for _ in range(_RUNS):
        signs = tuple((0.5 + draw.random()) * (-1) ** k for k in range(MEASURED[-1]))
        yield Run(CANCELLING, signs, MEASURED[1:])
