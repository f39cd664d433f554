"""Whether runs compute the same: steps with other gradients each, before anything is timed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optgen.bench.models import Model
from optgen.bench.peers.interface import Arrays, Run

#: Steps that are compared, and the largest difference that rounding to float32 explains.
STEPS, TOLERANCE = 3, 1e-4


def draw(model: Model, seed: int) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Numbers of both signs with magnitudes from 0.5 to 1.5.

    Small constants, which libraries add in different places, count for nothing beside these.
    """
    rng, found = np.random.default_rng(seed), []
    for shape in model.shapes:
        numbers = 2 * rng.random(shape, np.float32) - 1
        numbers += np.copysign(np.float32(0.5), numbers)
        found.append(numbers)
    return found


def differences(ours: Run, theirs: Mapping[str, Run], model: Model) -> dict[str, float]:
    """How far the parameters of other runs are from ours after some steps of all.

    All runs must begin with ``draw(model, 0)``. They keep the last gradients.
    """
    first, mine = draw(model, 0), moved(ours, model)
    return {name: difference(mine, moved(run, model), first) for name, run in theirs.items()}


def moved(run: Run, model: Model) -> Arrays:
    """The parameters of a run after some steps; it keeps the last gradients."""
    for seed in range(1, STEPS + 1):
        run.give(draw(model, seed))
        run.step()
    return run.parameters()


def difference(ours: Arrays, theirs: Arrays, first: Arrays) -> float:
    """The largest distance of two tensors, as a part of the way from where they began."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = [
            np.linalg.norm((a - b).ravel()) / np.linalg.norm((a - c).ravel())
            for a, b, c in zip(ours, theirs, first, strict=True)
        ]
    return float(np.max(found))
