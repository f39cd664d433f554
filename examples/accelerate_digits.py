"""Handwritten digits with accelerate: ``prepare`` takes the optimizer as it takes torch's.

The run has bfloat16 autocast, accumulation over two batches, clipping and a schedule. A third one
resumes in its middle. Run it with ``python examples/accelerate_digits.py``; it needs torch,
accelerate and scikit-learn.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from accelerate import Accelerator
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

import optgen.torch

EPOCHS = 4


def train(optimizer_class: Any, *, loads: Path | None = None, saves: Path | None = None) -> float:
    """The last loss; a run is saved in its middle, or begins there."""
    torch.manual_seed(0)
    images, labels = load_digits(return_X_y=True)
    inputs = torch.tensor(images[:1024], dtype=torch.float32) / 16
    data = DataLoader(TensorDataset(inputs, torch.tensor(labels[:1024])), batch_size=32)
    layers = torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)
    model = torch.nn.Sequential(*layers)
    optimizer = optimizer_class(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.99)

    accelerator = Accelerator(cpu=True, mixed_precision="bf16", gradient_accumulation_steps=2)
    model, optimizer, data, scheduler = accelerator.prepare(model, optimizer, data, scheduler)
    if loads:
        accelerator.load_state(str(loads))
    loss = torch.zeros(())
    for epoch in range(EPOCHS // 2 if loads else 0, EPOCHS):
        if saves and epoch == EPOCHS // 2:
            accelerator.save_state(str(saves))
        for images, labels in data:
            with accelerator.accumulate(model):
                loss = torch.nn.functional.cross_entropy(model(images), labels)
                accelerator.backward(loss)
                if accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
    return float(loss.detach())


def main() -> None:
    """Print what both make of the same network, and what a resumed run does."""
    with TemporaryDirectory() as name:
        folder = Path(name, "half")
        print(f"torch    loss {train(torch.optim.AdamW):.4f}")
        print(f"optgen   loss {train(optgen.torch.AdamW, saves=folder):.4f}")
        print(f"resumed  loss {train(optgen.torch.AdamW, loads=folder):.4f}")


if __name__ == "__main__":
    main()
