"""A convolutional network on handwritten digits: optgen's Adadelta beside torch's own.

Run it with ``python examples/torch_digits.py``; it needs torch and scikit-learn.
"""

from __future__ import annotations

from typing import Any

import torch
from sklearn.datasets import load_digits

import optgen.torch

EPOCHS, BATCH, HELD_OUT = 6, 64, 360


def network() -> torch.nn.Module:
    """Two convolutions and a layer on top of them, always with the same weights."""
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(16, 32, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(32 * 4 * 4, 10),
    )


def train(optimizer_class: Any, **arguments: Any) -> tuple[float, float]:
    """The last loss, and the share of held-out digits that are told right."""
    images, labels = load_digits(return_X_y=True)
    model = network()
    order = torch.randperm(len(images))
    inputs = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8)[order] / 16
    targets = torch.tensor(labels)[order]
    optimizer = optimizer_class(model.parameters(), **arguments)
    loss = torch.zeros(())
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(inputs) - HELD_OUT).split(BATCH):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(inputs[chosen]), targets[chosen])
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        right = (model(inputs[-HELD_OUT:]).argmax(1) == targets[-HELD_OUT:]).float().mean()
    return float(loss.detach()), float(right)


def main() -> None:
    """Print what both make of the same network."""
    for name, module in (("optgen", optgen.torch), ("torch", torch.optim)):
        loss, right = train(module.Adadelta, lr=1.0)
        print(f"{name:7} loss {loss:.4f}, {100 * right:.1f} % of held-out digits right")


if __name__ == "__main__":
    main()
