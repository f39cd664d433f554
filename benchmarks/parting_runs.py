"""How far runs of one rule part that differ by rounding only: Adadelta at a rate of 1.

    python benchmarks/parting_runs.py [EPOCHS]

Each row has runs beside torch's loop over parameters, with a seed for each column: the largest
difference of the loss of a batch, as a part of it. Dropout and the order of batches are the same in
a column. It needs scikit-learn, whose digits the network of torch's example for MNIST learns, at a
smaller size.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_digits

import optgen.torch

Tensor = torch.Tensor
Make = Callable[[list[Tensor]], torch.optim.Optimizer]
SEEDS = range(1, 7)


class Network(torch.nn.Module):
    """Two convolutions and two layers, with or without what is not smooth."""

    def __init__(self, *, is_smooth: bool, dropout: float) -> None:
        super().__init__()
        self.convolutions = torch.nn.ModuleList(
            [torch.nn.Conv2d(1, 8, 3), torch.nn.Conv2d(8, 16, 3)]
        )
        self.layers = torch.nn.ModuleList([torch.nn.Linear(576, 32), torch.nn.Linear(32, 10)])
        self._bend = F.softplus if is_smooth else F.relu
        self._pool = F.avg_pool2d if is_smooth else F.max_pool2d
        self._dropout = dropout

    def forward(self, images: Tensor) -> Tensor:
        for one in self.convolutions:
            images = self._bend(one(images))
        flat = F.dropout(self._pool(images, 2), self._dropout).flatten(1)
        hidden = F.dropout(self._bend(self.layers[0](flat)), 2 * self._dropout)
        return F.log_softmax(self.layers[1](hidden), 1)


class Regrouped(torch.optim.Optimizer):
    """Torch's formula; the gradient is multiplied before the quotient, not after it.

    ``dtype`` is what it computes in; a parameter is rounded once.
    """

    def __init__(self, params: list[Tensor], dtype: torch.dtype) -> None:
        super().__init__(params, {"lr": 1.0})
        self._dtype = dtype

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for param in group["params"]:
                state = self.state[param] or {"v": torch.zeros_like(param), "u": param * 0}
                self.state[param] = state
                v, u, grad = (x.to(self._dtype) for x in (state["v"], state["u"], param.grad))
                v = 0.9 * v + (1 - 0.9) * grad**2
                change = grad * torch.sqrt(u + 1e-6) / torch.sqrt(v + 1e-6)
                state["v"].copy_(v)
                state["u"].copy_(0.9 * u + (1 - 0.9) * change**2)
                param.copy_(param.to(self._dtype) - group["lr"] * change)


def beside(params: list[Tensor]) -> torch.optim.Optimizer:
    """Torch's class, with each weight moved to one of its neighbours."""
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for param in params:
            goal = torch.randn(param.shape, generator=generator, dtype=param.dtype).sign() * 10
            param.copy_(torch.nextafter(param, goal))
    return torch.optim.Adadelta(params, lr=1.0, foreach=False)


def losses(
    make: Make, dtype: torch.dtype, epochs: int, network: Callable[[], Network], seed: int
) -> Any:
    torch.manual_seed(seed)
    model = network().to(dtype)
    digits = load_digits()
    images = F.interpolate(
        torch.tensor(digits.images / 16)[:, None], size=(16, 16), mode="bilinear"
    )
    images, labels = (
        ((images - images.mean()) / images.std()).to(dtype),
        torch.tensor(digits.target),
    )
    optimizer = make(list(model.parameters()))
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.7)
    found: list[float] = []
    for _ in range(epochs):
        for batch in torch.randperm(1200).split(64):
            optimizer.zero_grad()
            loss = F.nll_loss(model(images[batch]), labels[batch])
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        scheduler.step()
    return np.array(found)


def rows(dtype: torch.dtype, epochs: int, **kind: Any) -> Iterable[tuple[str, ...]]:
    plain: Make = partial(torch.optim.Adadelta, lr=1.0, foreach=False)
    kinds: dict[str, Make] = {
        "optgen": partial(optgen.torch.Adadelta, lr=1.0),
        "torch, foreach": partial(torch.optim.Adadelta, lr=1.0, foreach=True),
        "torch's formula, regrouped": partial(Regrouped, dtype=dtype),
        "torch's formula, in float64": partial(Regrouped, dtype=torch.float64),
        "torch, from one ulp beside": beside,
    }
    network = partial(Network, **kind)
    usual = [losses(plain, dtype, epochs, network, seed) for seed in SEEDS]
    for name, make in kinds.items():
        pairs = zip(SEEDS, usual, strict=True)
        apart = [
            np.abs(losses(make, dtype, epochs, network, n) / one - 1).max() for n, one in pairs
        ]
        yield name, *(f"{one:.0e}" for one in apart)


def main(epochs: int = 8) -> None:
    """Print a table for each network and dtype."""
    torch.set_num_threads(1)
    for kind in ({"is_smooth": False, "dropout": 0.25}, {"is_smooth": True, "dropout": 0.0}):
        for dtype in (torch.float32, torch.float64):
            table = Table("beside torch's loop", *map(str, SEEDS), title=f"{kind}, {dtype}")
            for row in rows(dtype, epochs, **kind):
                table.add_row(*row)
            Console().print(table)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
