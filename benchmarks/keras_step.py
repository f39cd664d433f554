"""Steps of Adam in Keras on torch: optgen's and Keras's own, in turns.

Run it with ``python benchmarks/keras_step.py``. Gradients stay the same arrays from step to step.
"""

from __future__ import annotations

import os
import time
from statistics import median
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import torch

import optgen.keras

SHAPES = {"1000 x 64": [(64,)] * 1000, "25 x 1M": [(1000, 1000)] * 25}
EVERYTHING: dict[str, Any] = {
    "loss_scale_factor": 8.0,
    "global_clipnorm": 1.0,
    "weight_decay": 0.01,
    "use_ema": True,
}
WARM, ROUNDS, THREADS = 2, 8, 2


def step_of(optimizer: Any, shapes: list[tuple[int, ...]]) -> Any:
    """A function that makes one step with variables and gradients of its own."""
    variables = [keras.Variable(torch.randn(shape)) for shape in shapes]
    grads = [torch.randn(shape) for shape in shapes]
    optimizer.build(variables)

    def step() -> None:
        with torch.no_grad():
            optimizer.apply(grads, variables)

    return step


def main() -> None:
    """Print the median milliseconds of a step."""
    torch.set_num_threads(THREADS)
    for name, shapes in SHAPES.items():
        for label, arguments in (("plain", {}), ("everything on", EVERYTHING)):
            peers = {
                "optgen": step_of(optgen.keras.Adam(**arguments), shapes),
                "keras": step_of(keras.optimizers.Adam(**arguments), shapes),
            }
            times: dict[str, list[float]] = {peer: [] for peer in peers}
            for number in range(WARM + ROUNDS):
                for peer, step in peers.items():
                    start = time.perf_counter()
                    step()
                    if number >= WARM:
                        times[peer].append(time.perf_counter() - start)
            shown = ", ".join(f"{peer} {1e3 * median(own):.1f} ms" for peer, own in times.items())
            print(f"{name}, {label}: {shown}")


if __name__ == "__main__":
    main()
