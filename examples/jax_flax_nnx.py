"""A network of Flax NNX on handwritten digits: optgen's Lion beside Optax's own.

Run it with ``python examples/jax_flax_nnx.py``; it needs jax, optax, flax and scikit-learn.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import optax
from flax import nnx
from sklearn.datasets import load_digits

import optgen.optax

EPOCHS, BATCH, HELD_OUT = 8, 64, 360


class Network(nnx.Module):
    """A convolution and a layer on top of it, always with the same weights."""

    def __init__(self) -> None:
        draw = nnx.Rngs(0)
        self.convolution = nnx.Conv(1, 16, kernel_size=(3, 3), strides=2, rngs=draw)
        self.head = nnx.Linear(16 * 4 * 4, 10, rngs=draw)

    def __call__(self, images: Any) -> Any:
        """The logits of some images."""
        found = nnx.relu(self.convolution(images))
        return self.head(found.reshape(len(images), -1))


def loss_of(model: Network, images: Any, labels: Any) -> Any:
    """The mean cross-entropy."""
    return optax.softmax_cross_entropy_with_integer_labels(model(images), labels).mean()


@nnx.jit
def step(model: Network, optimizer: nnx.Optimizer[Network], images: Any, labels: Any) -> Any:
    """One step; returns the loss before it."""
    loss, grads = nnx.value_and_grad(loss_of)(model, images, labels)
    optimizer.update(model, grads)
    return loss


def train(transformation: optax.GradientTransformation) -> tuple[float, float]:
    """The mean loss of the last epoch, and the share of held-out digits that are told right."""
    images, labels = load_digits(return_X_y=True)
    draw = np.random.default_rng(0)
    mixed = draw.permutation(len(images))
    images, labels = images[mixed], labels[mixed]
    inputs = images.reshape(-1, 8, 8, 1).astype(np.float32) / 16
    model = Network()
    optimizer = nnx.Optimizer(model, transformation, wrt=nnx.Param)
    losses: list[Any] = []
    for _ in range(EPOCHS):
        order = draw.permutation(len(inputs) - HELD_OUT)
        batches = order[: len(order) // BATCH * BATCH].reshape(-1, BATCH)
        losses = [step(model, optimizer, inputs[one], labels[one]) for one in batches]
    told = model(inputs[-HELD_OUT:]).argmax(axis=1)
    return float(np.mean(jax.device_get(losses))), float((told == labels[-HELD_OUT:]).mean())


def main() -> None:
    """Print what both make of the same network."""
    schedule = optax.cosine_decay_schedule(3e-3, EPOCHS * 22)
    for name, module in (("optgen", optgen.optax), ("optax", optax)):
        loss, right = train(module.lion(schedule, weight_decay=0.01))
        print(f"{name:7} loss {loss:.4f}, {100 * right:.1f} % of held-out digits right")


if __name__ == "__main__":
    main()
