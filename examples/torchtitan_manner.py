"""A model in two parts, each with its optimizer, configured as in torchtitan.

One container has the optimizers. Its state dictionary has names of parameters as keys, so that
``torch.distributed.checkpoint`` saves it once, however the model is divided. A third run resumes in
the middle of another. Run it with ``python examples/torchtitan_manner.py``; it needs torch.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.distributed import checkpoint
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.checkpoint.stateful import Stateful

CONFIG = """
[optimizer]
library = "optgen.torch"
name = "AdamW"
lr = 1e-2
beta1 = 0.9
beta2 = 0.95
eps = 1e-8
weight_decay = 0.1
"""
STEPS, WIDTH = 20, 16
FLAT = StateDictOptions(flatten_optimizer_state_dict=True)


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """The section ``optimizer`` of a file in TOML."""

    library: str = "torch.optim"
    name: str = "AdamW"
    lr: float = 8e-4
    beta1: float = 0.9
    beta2: float = 0.95
    eps: float = 1e-8
    weight_decay: float = 0.1

    def build(self, params: Any) -> torch.optim.Optimizer:
        """The optimizer of one part of a model."""
        made: torch.optim.Optimizer = getattr(import_module(self.library), self.name)(
            params,
            lr=self.lr,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            weight_decay=self.weight_decay,
        )
        return made


class OptimizersContainer(Stateful):
    """One optimizer for each part of a model."""

    def __init__(self, parts: Sequence[torch.nn.Module], config: OptimizerConfig) -> None:
        self.parts = parts
        self.optimizers = [config.build(part.parameters()) for part in parts]

    def step(self) -> None:
        """Update all parts."""
        for optimizer in self.optimizers:
            optimizer.step()

    def zero_grad(self) -> None:
        """Forget the gradients of all parts."""
        for optimizer in self.optimizers:
            optimizer.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """The states of all parts, by names of parameters."""
        found: dict[str, Any] = {}
        for part, optimizer in zip(self.parts, self.optimizers, strict=True):
            found |= get_optimizer_state_dict(part, optimizer, options=FLAT)
        return found

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Give each part its own states."""
        for part, optimizer in zip(self.parts, self.optimizers, strict=True):
            set_optimizer_state_dict(part, optimizer, state_dict, options=FLAT)


class Layers(torch.nn.Module):
    """Some layers of a model, with the names that they have in the whole of it."""

    def __init__(self, numbers: Sequence[int]) -> None:
        super().__init__()
        named = {str(number): torch.nn.Linear(WIDTH, WIDTH) for number in numbers}
        self.layers = torch.nn.ModuleDict(named)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """The values after all layers."""
        for layer in self.layers.values():
            values = torch.tanh(layer(values))
        return values


class Run:
    """A model in parts with its optimizers, always with the same weights."""

    def __init__(self, config: OptimizerConfig) -> None:
        torch.manual_seed(0)
        self.parts = [Layers((0, 1)), Layers((2, 3))]
        self.optimizers = OptimizersContainer(self.parts, config)
        self.state = {
            "optimizer": self.optimizers,
            **{f"model.{place}": part for place, part in enumerate(self.parts)},
        }
        self.loss = 0.0

    def learn(self, steps: int, start: int = 0) -> Run:
        """Train for some steps."""
        for number in range(start, start + steps):
            values = torch.randn(8, WIDTH, generator=torch.Generator().manual_seed(number))
            self.optimizers.zero_grad()
            first, second = self.parts
            loss = (second(first(values)) - values.sin()).square().mean()
            loss.backward()
            self.optimizers.step()
            self.loss = float(loss.detach())
        return self


def main() -> None:
    """Print what both make of the same model, and what a resumed run does."""
    torch_s = OptimizerConfig(lr=1e-2)
    ours = OptimizerConfig(**tomllib.loads(CONFIG)["optimizer"])
    print(f"torch   loss {Run(torch_s).learn(STEPS).loss:.6f}")
    with TemporaryDirectory() as folder:
        run = Run(ours).learn(STEPS // 2)
        checkpoint.save(run.state, checkpoint_id=Path(folder), no_dist=True)
        print(f"optgen  loss {run.learn(STEPS // 2, STEPS // 2).loss:.6f}")
        resumed = Run(ours)
        checkpoint.load(resumed.state, checkpoint_id=Path(folder), no_dist=True)
        print(f"resumed loss {resumed.learn(STEPS // 2, STEPS // 2).loss:.6f}")


if __name__ == "__main__":
    main()
