"""Steps of Adam in torch: optgen's, and torch's fused and foreach ones, in turns.

Run it with ``python benchmarks/torch_step.py``. Gradients stay the same arrays from step to step.
"""

from __future__ import annotations

import time
from statistics import median

import torch

import optgen.torch

SHAPES = {"1000 x 64": [(64,)] * 1000, "25 x 1M": [(1000, 1000)] * 25}
WARM, ROUNDS, THREADS = 5, 20, 2


def parameters(shapes: list[tuple[int, ...]]) -> list[torch.Tensor]:
    """Parameters with gradients."""
    found = [torch.randn(shape, requires_grad=True) for shape in shapes]
    for param in found:
        param.grad = torch.randn_like(param)
    return found


def main() -> None:
    """Print the median milliseconds of a step."""
    torch.set_num_threads(THREADS)
    for name, shapes in SHAPES.items():
        peers = {
            "optgen": optgen.torch.Adam(parameters(shapes)),
            "fused": torch.optim.Adam(parameters(shapes), fused=True),
            "foreach": torch.optim.Adam(parameters(shapes), foreach=True),
        }
        times: dict[str, list[float]] = {peer: [] for peer in peers}
        for number in range(WARM + ROUNDS):
            for peer, optimizer in peers.items():
                start = time.perf_counter()
                optimizer.step()
                if number >= WARM:
                    times[peer].append(time.perf_counter() - start)
        shown = ", ".join(f"{peer} {1e3 * median(own):.2f} ms" for peer, own in times.items())
        print(f"{name}: {shown}")


if __name__ == "__main__":
    main()
