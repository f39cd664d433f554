"""Training with parameters in bfloat16, beside float32: what each storage and rounding loses.

Two tasks: the digits of scikit-learn, and characters of Python's own help texts. Models compute in
float32 from bfloat16 parameters, so that only what optimizers store differs. Prints the mean loss
at the end of each run, over seeds, as a ratio to that of float32, and draws the curves.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import matplotlib
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.func import functional_call
from torch.nn import functional

import optgen
from optgen.torch import optimizer_class

matplotlib.use("Agg")
from matplotlib import pyplot

Tensor = torch.Tensor
Batch = tuple[Tensor, Tensor]

#: The last part of a run, whose mean loss counts.
END = 0.2
#: A rule that no library has: the sign of a mean, scaled by the root of another.
MADE_UP = """
name = "RootSign"
summary = "Move by a blend of the mean gradient's sign and of its ratio to the root mean square."
reference = "None: made up to be stored."

[hyperparameters]
learning_rate = { default = 0.001, range = "learning_rate >= 0", doc = "Size of a step." }
beta_1 = { default = 0.9, range = "0 <= beta_1 < 1", doc = "Decay of the mean gradient." }
beta_2 = { default = 0.99, range = "0 <= beta_2 < 1", doc = "Decay of the mean square gradient." }
epsilon = { default = 1e-8, range = "epsilon > 0", doc = "Added to the root." }

[state]
mean_gradient = {}
velocity = { invariant = "velocity >= 0" }

[update]
rule = \"\"\"
mean_gradient = beta_1*mean_gradient + (1 - beta_1)*grad
velocity = beta_2*velocity + (1 - beta_2)*grad**2
change = learning_rate*(sign(mean_gradient) + mean_gradient/(sqrt(velocity) + epsilon))/2
\"\"\"
"""
#: The learning rate of each rule on the digits and on characters.
RATES = {
    "adam": (1e-3, 1e-3),
    "lion": (2e-4, 2e-4),
    "adafactor": (2e-3, 3e-3),
    "muon": (1e-3, 5e-3),
    "made up": (5e-4, 5e-4),
}
#: The dtype of parameters, and arguments of optimizers.
STORAGES: dict[str, tuple[torch.dtype, dict[str, Any]]] = {
    "float32": (torch.float32, {}),
    "nearest": (torch.bfloat16, {"state_dtype": "bfloat16"}),
    "stochastic": (torch.bfloat16, {"state_dtype": "bfloat16", "rounding": "stochastic"}),
    "split": (torch.bfloat16, {"rounding": "split"}),
    "split, int8": (torch.bfloat16, {"rounding": "split", "state_dtype": "int8"}),
}


class Characters(nn.Module):
    """A small GPT over bytes."""

    def __init__(self, symbols: int, width: int = 64, layers: int = 2, length: int = 64) -> None:
        super().__init__()
        self.embedding, self.places = nn.Embedding(symbols, width), nn.Embedding(length, width)
        layer = nn.TransformerEncoderLayer(
            width, 4, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, symbols)
        self.mask = nn.Transformer.generate_square_subsequent_mask(length)

    def forward(self, text: Tensor) -> Tensor:
        length = text.shape[1]
        hidden = self.embedding(text) + self.places(torch.arange(length))
        found: Tensor = self.head(self.layers(hidden, self.mask[:length, :length], is_causal=True))
        return found.transpose(1, 2)


@dataclass(frozen=True)
class Task:
    """A model and its batches, without end."""

    model: Callable[[], nn.Module]
    batches: Callable[[torch.Generator], Iterator[Batch]]
    steps: int


def digits() -> Task:
    data = load_digits()
    inputs = torch.tensor(data.data / 16, dtype=torch.float32)
    labels = torch.tensor(data.target)

    def batches(generator: torch.Generator) -> Iterator[Batch]:
        while True:
            some = torch.randint(len(inputs), (64,), generator=generator)
            yield inputs[some], labels[some]

    def model() -> nn.Module:
        return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))

    return Task(model, batches, 1500)


def characters() -> Task:
    text = np.frombuffer("".join(topics.values()).encode(), np.uint8)
    symbols, codes = np.unique(text, return_inverse=True)
    stream, length = torch.tensor(codes), 64

    def batches(generator: torch.Generator) -> Iterator[Batch]:
        while True:
            starts = torch.randint(len(stream) - length - 1, (16, 1), generator=generator)
            some = stream[starts + torch.arange(length + 1)]
            yield some[:, :-1], some[:, 1:]

    return Task(lambda: Characters(len(symbols), length=length), batches, 1000)


def losses(task: Task, rule: str, rate: float, storage: str, seed: int) -> list[float]:
    """The loss of each step of a run."""
    torch.manual_seed(seed)
    model = task.model()
    dtype, given = STORAGES[storage]
    stored = {k: nn.Parameter(p.detach().to(dtype)) for k, p in model.named_parameters()}
    optimizer = optimizer_of(rule)(stored.values(), lr=rate, **given)
    batches = task.batches(torch.Generator().manual_seed(seed))
    found = []
    for _, (inputs, labels) in zip(range(task.steps), batches, strict=False):
        wide = {name: param.float() for name, param in stored.items()}
        loss = functional.cross_entropy(functional_call(model, wide, (inputs,)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def optimizer_of(rule: str) -> Any:
    """The class for torch's parameters."""
    return optimizer_class(optgen.compile(MADE_UP if rule == "made up" else rule))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="steps of a run, in place of those of a task")
    parser.add_argument("--picture", type=Path, default=Path("docs/pictures/storage.png"))
    given = parser.parse_args()
    torch.set_num_threads(2)
    every = {"digits": digits(), "characters": characters()}
    tasks = {k: replace(task, steps=given.steps or task.steps) for k, task in every.items()}
    figure, plots = pyplot.subplots(len(tasks), len(RATES), figsize=(18, 7), squeeze=False)
    for row, (title, task) in enumerate(tasks.items()):
        for column, (rule, rates) in enumerate(RATES.items()):
            plot = plots[row][column]
            plot.set(title=f"{title}: {rule}", yscale="log")
            first = 0.0
            for storage in STORAGES:
                seeds = range(given.seeds)
                runs = np.array([losses(task, rule, rates[row], storage, s) for s in seeds])
                end = float(runs[:, -int(END * task.steps) :].mean())
                first = first or end
                print(f"{title:12}{rule:12}{storage:14}{end:9.4f}{end / first:8.3f}", flush=True)
                smooth = runs.mean(0)[: task.steps // 50 * 50].reshape(-1, 50).mean(1)
                plot.plot(np.arange(len(smooth)) * 50, smooth, label=storage, linewidth=1)
    plots[0][0].legend()
    figure.tight_layout()
    figure.savefig(given.picture, dpi=90)


if __name__ == "__main__":
    main()
