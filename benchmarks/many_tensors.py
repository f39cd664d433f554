"""Adam over a thousand tensors of 64 elements: with the gradients of the step before, or new ones.

Run it with ``python benchmarks/many_tensors.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

import optgen.torch
from optgen.optimizers import Adam

COUNT, SIZE, STEPS = 1000, 64, 100


def microseconds(step: Callable[[], object], before: Callable[[], object]) -> float:
    """The median of some steps, each after something that isn't counted."""
    taken = []
    for _ in range(STEPS):
        before()
        start = time.perf_counter()
        step()
        taken.append(time.perf_counter() - start)
    return 1e6 * median(taken[STEPS // 10 :])


def main() -> None:
    """Print what a step takes."""
    torch.set_num_threads(2)
    grads = [np.ones(SIZE, np.float32) for _ in range(COUNT)]
    optimizer = Adam()
    optimizer.build([np.ones(SIZE, np.float32) for _ in range(COUNT)])

    def renew() -> None:
        grads[:] = [array.copy() for array in grads]

    params = [torch.ones(SIZE, requires_grad=True) for _ in range(COUNT)]
    fused = optgen.torch.Adam(params)

    def give() -> None:
        for param in params:
            param.grad = torch.ones(SIZE)

    give()
    same = microseconds(lambda: optimizer.apply(grads), lambda: None)
    new = microseconds(lambda: optimizer.apply(grads), renew)
    print(f"NumPy: the same gradients {same:.0f} us, new ones {new:.0f} us")
    same, new = microseconds(fused.step, lambda: None), microseconds(fused.step, give)
    print(f"torch: gradients that stayed {same:.0f} us, new ones {new:.0f} us")


if __name__ == "__main__":
    main()
