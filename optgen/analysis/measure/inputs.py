"""Hard inputs for error measurements: fixed short runs of gradients."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

#: The kind of inputs under which sums lose their leading digits.
CANCELLING = "cancelling"
#: Steps of a run that are measured, and the number that the last one has in one kind of run.
MEASURED, LATE = (1, 2, 5, 20), 10**6
_RUNS = 4
#: Gradients of one sign, of a size.
_SIZES: Mapping[str, float] = {
    "first step": 1.0,
    "ordinary": 1.0,
    "small": 1e-6,
    "tiny": 1e-25,
    "huge": 1e15,
    "step 10**6": 1.0,
}


@dataclass(frozen=True)
class Run:
    """Gradients of a kind, and the numbers of the steps that are measured."""

    kind: str
    gradients: tuple[float, ...]
    measured: tuple[int, ...]

    def number(self, place: int) -> int:
        """The number of the step that takes a gradient, the first of which has the place 1."""
        return place + LATE - len(self.gradients) if self.kind == "step 10**6" else place


def runs() -> Iterator[Run]:
    """All runs, with gradients that don't depend on the machine."""
    draw = random.Random(0)
    for kind, size in _SIZES.items():
        measured = MEASURED[:1] if kind == "first step" else MEASURED[1:]
        for _ in range(_RUNS):
            drawn = tuple(size * (0.5 + draw.random()) for _ in range(measured[-1]))
            yield Run(kind, drawn, measured)
    for _ in range(_RUNS):
        signs = tuple((0.5 + draw.random()) * (-1) ** k for k in range(MEASURED[-1]))
        yield Run(CANCELLING, signs, MEASURED[1:])
