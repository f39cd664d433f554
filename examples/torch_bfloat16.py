"""A bfloat16 network on digits: torch's AdamW, and optgen's, where only the import changes.

Run it with ``python examples/torch_bfloat16.py``; it needs torch and scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from sklearn.datasets import load_digits

STEPS, BATCH, HELD_OUT = 200, 64, 360


def train(optim: Any, **arguments: Any) -> tuple[float, float]:
    """The mean loss of the last steps, and that of held-out digits."""
    torch.manual_seed(0)
    images, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(images))
    inputs = torch.tensor(images)[order].bfloat16() / 16
    targets = torch.tensor(labels)[order]
    model = torch.nn.Sequential(
        torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)
    ).bfloat16()
    optimizer = optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01, **arguments)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    losses = []
    for _ in range(STEPS):
        chosen = torch.randint(len(inputs) - HELD_OUT, (BATCH,))
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs[chosen]).float(), targets[chosen])
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(float(loss.detach()))
    with torch.no_grad():
        held_out = model(inputs[-HELD_OUT:]).float()
    last = losses[-20:]
    return sum(last) / len(last), float(
        torch.nn.functional.cross_entropy(held_out, targets[-HELD_OUT:])
    )


def main() -> None:
    """Print what both make of the same network."""
    runs: list[tuple[str, str, dict[str, Any]]] = [
        ("torch.optim", "torch.optim", {}),
        ("optgen.torch", "optgen.torch", {}),
        ("optgen.torch, bfloat16 states", "optgen.torch", {"state_dtype": torch.bfloat16}),
    ]
    for title, module, arguments in runs:
        loss, held_out = train(import_module(module), **arguments)
        print(f"{title:30} loss {loss:.4f}, of held-out digits {held_out:.4f}")


if __name__ == "__main__":
    main()
