"""Keras on several devices: ``tf.distribute``, or a distribution of Keras's on JAX.

A CPU stands for two devices. Nothing changes but the optimizer. Run it with
``KERAS_BACKEND=jax python examples/keras_devices.py``, or with ``tensorflow``.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import keras
import numpy as np

import optgen.keras

if keras.config.backend() == "tensorflow":
    import tensorflow as tf

    def devices() -> AbstractContextManager[Any]:
        """Replicas with the same variables."""
        host = tf.config.list_physical_devices("CPU")[0]
        if not tf.config.get_logical_device_configuration(host):
            parts = [tf.config.LogicalDeviceConfiguration()] * 2
            tf.config.set_logical_device_configuration(host, parts)
        return tf.distribute.MirroredStrategy([f"CPU:{place}" for place in range(2)]).scope()

else:

    def devices() -> AbstractContextManager[Any]:
        """Batches in parts, and whole variables."""
        every = keras.distribution.list_devices()
        return keras.distribution.DataParallel(devices=every, auto_shard_dataset=False).scope()


def train(optimizer: Any, *, spread: bool) -> float:
    """The last loss."""
    keras.utils.set_random_seed(0)
    inputs = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
    with devices() if spread else nullcontext():
        layers = keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(2)
        model = keras.Sequential([keras.Input((4,)), *layers])
        model.compile(optimizer(learning_rate=1e-2), "mse")
        done = model.fit(inputs, inputs[:, :2], batch_size=32, epochs=2, shuffle=False, verbose=0)
    return float(done.history["loss"][-1])


def main() -> None:
    """Print what both make of the same network."""
    print(f"keras, 2 devices  loss {train(keras.optimizers.AdamW, spread=True):.6f}")
    print(f"optgen, 2 devices loss {train(optgen.keras.AdamW, spread=True):.6f}")
    print(f"optgen, 1 device  loss {train(optgen.keras.AdamW, spread=False):.6f}")


if __name__ == "__main__":
    main()
