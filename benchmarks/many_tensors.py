"""Adam over a thousand tensors of 64 elements: with the gradients of the step before, or new ones.

Then over ten thousand under ``fully_shard``, in one process, beside as many that no engine divides:
CPU time of the step after a backward pass. Run it with ``python benchmarks/many_tensors.py``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch
from torch import distributed
from torch.distributed.fsdp import fully_shard

import optgen.torch
from optgen.optimizers import Adam

COUNT, SIZE, STEPS = 1000, 64, 100
MANY, TURNS = 10_000, 24


def microseconds(step: Callable[[], object], before: Callable[[], object]) -> float:
    """The median of some steps, each after something that isn't counted."""
    taken = []
    for _ in range(STEPS):
        before()
        start = time.perf_counter()
        step()
        taken.append(time.perf_counter() - start)
    return 1e6 * median(taken[STEPS // 10 :])


class Many(torch.nn.Module):
    """A model of nothing but parameters."""

    def __init__(self) -> None:
        super().__init__()
        every = (torch.nn.Parameter(torch.ones(SIZE)) for _ in range(MANY))
        self.every = torch.nn.ParameterList(every)

    def forward(self) -> torch.Tensor:
        return torch.cat([*self.every]).square().sum()


def in_shards() -> None:
    """Print what a step takes with DTensors, and without, in turns."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        place = f"file://{folder}/meeting"
        distributed.init_process_group("gloo", init_method=place, rank=0, world_size=1)
        models = {"plain": Many(), "fully_shard": Many()}
        fully_shard(models["fully_shard"])
        made = {name: optgen.torch.Adam(one.parameters()) for name, one in models.items()}
        taken: dict[str, list[float]] = {name: [] for name in models}
        for _ in range(TURNS):
            for name, model in models.items():
                made[name].zero_grad()
                model().backward()
                start = time.process_time()
                made[name].step()
                taken[name].append(time.process_time() - start)
        distributed.destroy_process_group()
    # The first steps compile, and note where gradients are.
    times = {name: 1e3 * median(some[3:]) for name, some in taken.items()}
    relative = times["fully_shard"] / times["plain"]
    shown = ", ".join(f"{name} {some:.1f} ms" for name, some in times.items())
    print(f"{MANY} tensors, CPU time: {shown}; {relative:.2f} times")


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
    in_shards()


if __name__ == "__main__":
    main()
