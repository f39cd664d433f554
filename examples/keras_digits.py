"""A convolutional network on handwritten digits in Keras: optgen's Adadelta beside Keras's own.

Run it with ``python examples/keras_digits.py``; it needs keras, scikit-learn and a backend: torch,
unless ``KERAS_BACKEND`` names another.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
from sklearn.datasets import load_digits

import optgen.keras

EPOCHS, BATCH, HELD_OUT = 6, 64, 360


def network() -> keras.Model:
    """Two convolutions and a layer on top of them, always with the same weights."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.layers.Input((8, 8, 1)),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def train(optimizer: Any) -> tuple[float, float]:
    """The last loss, and the share of held-out digits that are told right."""
    images, labels = load_digits(return_X_y=True)
    inputs = images.reshape(-1, 8, 8, 1).astype("float32") / 16
    model = network()
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    seen, held_out = slice(HELD_OUT, None), slice(HELD_OUT)
    history = model.fit(
        inputs[seen], labels[seen], batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0
    )
    _, right = model.evaluate(inputs[held_out], labels[held_out], verbose=0)
    return history.history["loss"][-1], right


def main() -> None:
    """Print what both make of the same network, by strings and by instances."""
    runs: list[tuple[str, Any]] = [
        ("keras 'adadelta'", "adadelta"),
        ("'optgen>Adadelta'", "optgen>Adadelta"),
    ]
    for name, optimizer in runs:
        print(f"{name:28} loss {train(optimizer)[0]:.4f}")
    with optgen.keras.install():
        print(f"{'installed: adadelta':28} loss {train('adadelta')[0]:.4f}")
    for name, module in (("keras", keras.optimizers), ("optgen", optgen.keras)):
        loss, right = train(module.Adadelta(learning_rate=1.0))
        label = f"{name} Adadelta(1.0)"
        print(f"{label:28} loss {loss:.4f}, {100 * right:.1f} % of held-out digits right")


if __name__ == "__main__":
    main()
