"""Handwritten digits in Lightning: ``configure_optimizers`` has the changed line.

One module is optimized by Lightning, one by itself. Runs have ``bf16-mixed`` precision, and the
first one accumulation and clipping by Lightning; a third run resumes in its middle. Run it with
``python examples/lightning_digits.py``; it needs torch, lightning and scikit-learn.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from sklearn.datasets import load_digits
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import optgen.torch

EPOCHS = 4


class Digits(LightningModule):
    """A network of two layers; Lightning calls the optimizer."""

    def __init__(self, optimizer_class: Any) -> None:
        super().__init__()
        self.optimizer_class, self.loss = optimizer_class, 0.0
        layers = torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)
        self.network = torch.nn.Sequential(*layers)

    def configure_optimizers(self) -> Any:
        """The optimizer, and a schedule by epochs."""
        optimizer = self.optimizer_class(self.parameters(), lr=3e-3)
        return [optimizer], [torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)]

    def training_step(self, batch: list[torch.Tensor], number: int) -> torch.Tensor:
        """The loss of a batch."""
        loss = cross_entropy(self.network(batch[0]), batch[1])
        self.loss = float(loss.detach())
        return loss


class ByHand(Digits):
    """The same, with calls of its own."""

    def __init__(self, optimizer_class: Any) -> None:
        super().__init__(optimizer_class)
        self.automatic_optimization = False

    def training_step(self, batch: list[torch.Tensor], number: int) -> torch.Tensor:
        """One step."""
        loss, optimizer = super().training_step(batch, number), self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(loss)
        self.clip_gradients(optimizer, gradient_clip_val=1.0, gradient_clip_algorithm="norm")
        optimizer.step()
        return loss


def batches() -> DataLoader[Any]:
    """The digits, always in the same order."""
    images, labels = load_digits(return_X_y=True)
    inputs = torch.tensor(images[:1024], dtype=torch.float32) / 16
    return DataLoader(TensorDataset(inputs, torch.tensor(labels[:1024])), batch_size=32)


def train(module: type[Digits], optimizer_class: Any, epochs: int, **options: Any) -> Trainer:
    """A trainer that has trained the same network; options are those of Lightning."""
    seed_everything(0, verbose=False)
    resumed_from = options.pop("resumed_from", None)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        precision="bf16-mixed",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    trainer.fit(module(optimizer_class), batches(), ckpt_path=resumed_from)
    return trainer


def loss_of(trainer: Trainer) -> float:
    """The last loss."""
    module = trainer.lightning_module
    assert isinstance(module, Digits)
    return module.loss


def main() -> None:
    """Print what both make of the same network, and what a resumed run does."""
    accumulated = {"accumulate_grad_batches": 2, "gradient_clip_val": 1.0}
    for kind, module, options in (("automatic", Digits, accumulated), ("manual", ByHand, {})):
        for title, library in (("torch", torch.optim), ("optgen", optgen.torch)):
            trained = train(module, library.AdamW, EPOCHS, **options)
            print(f"{kind:9} {title:8} loss {loss_of(trained):.4f}")
    with TemporaryDirectory() as folder:
        file = Path(folder, "half.ckpt")
        train(Digits, optgen.torch.AdamW, EPOCHS // 2, **accumulated).save_checkpoint(file)
        rest = train(Digits, optgen.torch.AdamW, EPOCHS, **accumulated, resumed_from=file)
        print(f"automatic resumed  loss {loss_of(rest):.4f}")


if __name__ == "__main__":
    main()
