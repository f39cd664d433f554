"""A step of Muon beside torch's, in turns: the matrices of four blocks of GPT-2 small."""

from __future__ import annotations

import numba
import torch

import optgen.torch
from optgen.bench.timing import in_turns, ratio

#: The inputs and outputs of attention and of the layers after it.
SHAPES = [(768, 2304), (768, 768), (768, 3072), (3072, 768)] * 4
THREADS, RATE = 2, 0.02


def parameters() -> list[torch.nn.Parameter]:
    torch.manual_seed(0)
    found = [torch.nn.Parameter(torch.randn(shape)) for shape in SHAPES]
    for param in found:
        param.grad = torch.randn_like(param)
    return found


def main() -> None:
    torch.set_num_threads(THREADS)
    numba.set_num_threads(THREADS)
    ours = optgen.torch.Muon(parameters(), lr=RATE)
    theirs = torch.optim.Muon(parameters(), lr=RATE)
    times = in_turns({"optgen": ours.step, "torch": theirs.step}, 9, 60.0)
    for name, found in times.items():
        print(f"{name}: {found.median:.3f} s")
    print(f"torch takes {ratio(times['optgen'], times['torch']):.2f} times as long")


if __name__ == "__main__":
    main()
