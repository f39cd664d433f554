"""Handwritten digits in Ignite: its supervised trainer takes the optimizer as it takes torch's.

The run has bfloat16 autocast, accumulation over two batches and a schedule. A third one resumes in
its middle, from what ``Checkpoint`` saved. Run it with ``python examples/ignite_digits.py``; it
needs torch, pytorch-ignite and scikit-learn.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from ignite.engine import Engine, Events, supervised_training_step
from ignite.handlers import Checkpoint, DiskSaver
from ignite.handlers.param_scheduler import LRScheduler
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
    scheduler = LRScheduler(torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.99))

    def loss_of(outputs: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(outputs.float(), wanted)

    step = supervised_training_step(model, optimizer, loss_of, gradient_accumulation_steps=2)

    def update(engine: Engine, batch: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16):
            return step(engine, batch)

    trainer = Engine(update)
    trainer.add_event_handler(Events.ITERATION_COMPLETED, scheduler)
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "trainer": trainer}
    if saves:
        saver = Checkpoint(parts, DiskSaver(str(saves)), filename_pattern="half.pt")
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=EPOCHS // 2), saver)
    if loads:
        Checkpoint.load_objects(parts, torch.load(loads / "half.pt", weights_only=True))
    return float(trainer.run(data, max_epochs=EPOCHS).output)


def main() -> None:
    """Print what both make of the same network, and what a resumed run does."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        print(f"torch    loss {train(torch.optim.AdamW):.4f}")
        print(f"optgen   loss {train(optgen.torch.AdamW, saves=folder):.4f}")
        print(f"resumed  loss {train(optgen.torch.AdamW, loads=folder):.4f}")


if __name__ == "__main__":
    main()
