"""A network of Equinox on handwritten digits: Muon for matrices, and the average of its weights.

Run it with ``python examples/jax_equinox.py``; it needs jax, optax, equinox and scikit-learn.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import numpy as np
import optax
from sklearn.datasets import load_digits

import optgen.optax

EPOCHS, BATCH, HELD_OUT = 8, 64, 360


def loss_of(model: eqx.nn.MLP, images: Any, labels: Any) -> Any:
    """The mean cross-entropy."""
    logits = jax.vmap(model)(images)
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def train(rule: optgen.optax.GradientTransformation) -> tuple[float, list[float]]:
    """The mean loss of the last epoch, and the shares of held-out digits that are told right.

    They are those of the network, and of the average of its weights.
    """
    images, labels = load_digits(return_X_y=True)
    draw = np.random.default_rng(0)
    mixed = draw.permutation(len(images))
    images, labels = images[mixed], labels[mixed]
    inputs = images.astype(np.float32) / 16
    model = eqx.nn.MLP(64, 10, width_size=64, depth=2, key=jax.random.key(0))
    state = rule.init(eqx.filter(model, eqx.is_array))

    @eqx.filter_jit
    def step(model: eqx.nn.MLP, state: Any, images: Any, labels: Any) -> Any:
        loss, grads = eqx.filter_value_and_grad(loss_of)(model, images, labels)
        updates, state = rule.update(grads, state, eqx.filter(model, eqx.is_array))
        return eqx.apply_updates(model, updates), state, loss

    losses: list[Any] = []
    for _ in range(EPOCHS):
        order = draw.permutation(len(inputs) - HELD_OUT)
        losses = []
        for chosen in order[: len(order) // BATCH * BATCH].reshape(-1, BATCH):
            model, state, loss = step(model, state, inputs[chosen], labels[chosen])
            losses.append(loss)
    arrays, rest = eqx.partition(model, eqx.is_array)
    average = eqx.combine(rule.evaluation(arrays, state), rest)
    shares = []
    for one in (model, average):
        told = jax.vmap(one)(inputs[-HELD_OUT:]).argmax(axis=1)
        shares.append(float((told == labels[-HELD_OUT:]).mean()))
    return float(np.mean(jax.device_get(losses))), shares


def main() -> None:
    """Print what it makes of a network."""
    rule = optgen.optax.muon(
        0.02,
        fallback_learning_rate=3e-3,
        use_ema=True,
        ema_momentum=0.95,
        # The first and the last layer aren't for products of matrices.
        exclude={"matrix": ["layers/0/", "layers/2/"]},
    )
    loss, shares = train(rule)
    print(f"loss {loss:.4f}")
    for name, share in zip(("network", "average"), shares, strict=True):
        print(f"{name} {100 * share:.1f} % of held-out digits right")


if __name__ == "__main__":
    main()
