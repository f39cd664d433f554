"""One step on the shapes of a model, as a share of what this machine's memory allows.

    python benchmarks/step.py [resnet50]

Each step is timed in turn with a pass in place over one array of the same size; the medians
of both give the share. Bytes are the floor: what a fused step must read and write.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numba import njit, prange

from optgen.optimizers import SGD, Adadelta, Adam, Adamax, RMSprop

REPEATS = 21
EVERY = {"loss_scale_factor": 2.0, "global_clipnorm": 1.0, "weight_decay": 0.01, "use_ema": True}
# Optimizer, arguments, and the bytes that one step moves for each float32 parameter.
CASES: list[tuple[Any, dict[str, Any], int]] = [
    (SGD, {}, 12),
    (SGD, {"momentum": 0.9}, 20),
    (RMSprop, {}, 20),
    (RMSprop, {"momentum": 0.9, "centered": True, **EVERY}, 48),
    (Adadelta, {}, 28),
    (Adadelta, EVERY, 40),
    (Adamax, {}, 28),
    (Adam, {}, 28),
    (Adam, {"on_nonfinite": "skip"}, 32),
    (Adam, EVERY, 40),
    (Adam, {"on_nonfinite": "skip", **EVERY}, 40),
]


@njit(parallel=True)
def in_place(array: np.ndarray) -> None:
    for i in prange(array.size):
        array[i] = array[i] * np.float32(1.0001)


def shapes(model: str) -> list[tuple[int, ...]]:
    listed = json.loads((Path(__file__).parent / "shapes.json").read_text())[model]["shapes"]
    return [tuple(shape) for shape, repeat in listed for _ in range(repeat)]


def paired(first: Callable[[], None], second: Callable[[], None]) -> tuple[float, float]:
    """Median seconds of two functions, called in turn; the first call of each isn't counted."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(REPEATS + 1):
        for function, kept in zip((first, second), times, strict=True):
            start = time.perf_counter()
            function()
            kept.append(time.perf_counter() - start)
    return median(times[0][1:]), median(times[1][1:])


def main(model: str) -> None:
    draw = np.random.default_rng(0)
    every = shapes(model)
    size = sum(int(np.prod(shape)) for shape in every)
    flat = draw.random(size, np.float32)
    print(f"{model}: {len(every)} tensors, {size:,} float32 parameters")
    for cls, arguments, floor in CASES:
        variables = [draw.random(shape, np.float32) for shape in every]
        gradients = [draw.random(shape, np.float32) for shape in every]
        optimizer = cls(**arguments)
        optimizer.build(variables)
        memory, step = paired(lambda: in_place(flat), lambda o=optimizer, g=gradients: o.apply(g))
        bandwidth = 8 * size / memory
        name = f"{cls.__name__}{' with everything' if 'use_ema' in arguments else ''}"
        name += " and momentum" if arguments.get("momentum") else ""
        name += ", checked" if "on_nonfinite" in arguments else ""
        print(
            f"{name:38}{1e3 * step:7.1f} ms{floor * size / step / 1e9:7.1f} GB/s"
            f"{floor * size / step / bandwidth:7.0%} of {bandwidth / 1e9:.1f} GB/s"
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "resnet50")
