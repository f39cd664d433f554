"""Models on several devices of a CPU, in a process of its own: ``python -m tests.keras.spread``.

It prints a line for each setting: the largest difference to one device, and between replicas.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np

import optgen.keras as fused

DEVICES = 2
SETTINGS: dict[str, Callable[[], Any]] = {
    "clipped": lambda: fused.AdamW(0.02, global_clipnorm=0.1),
    "gathered": lambda: fused.AdamW(0.02, gradient_accumulation_steps=3),
    "averaged": lambda: fused.Adam(0.02, use_ema=True, ema_overwrite_frequency=4),
    "scheduled": lambda: fused.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.8), 0.9),
}
Scope = Callable[[], AbstractContextManager[Any]]


def trained(make: Callable[[], Any], scope: Scope) -> keras.Model:
    """A model with an embedding, whose gradients are sparse."""
    keras.utils.set_random_seed(0)
    drawn = np.random.default_rng(0)
    words = drawn.integers(8, size=(32, 3))
    with scope():
        layers = keras.layers.Embedding(8, 4), keras.layers.Flatten(), keras.layers.Dense(1)
        model = keras.Sequential([keras.Input((3,)), *layers])
        model.compile(make(), "mse")
        model.fit(words, words.sum(1), batch_size=8, epochs=2, shuffle=False, verbose=0)
    return model


def arrays(model: keras.Model) -> list[Any]:
    variables = [*model.trainable_variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(variable.value) for variable in variables]


def scopes() -> dict[str, Scope]:
    devices = keras.distribution.list_devices
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf  # noqa: PLC0415

        host = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * DEVICES
        tf.config.set_logical_device_configuration(host, parts)
        named = [f"CPU:{place}" for place in range(DEVICES)]
        return {"mirrored": lambda: tf.distribute.MirroredStrategy(named).scope()}

    def in_parts() -> AbstractContextManager[Any]:
        mesh = keras.distribution.DeviceMesh((1, DEVICES), ["batch", "model"], devices())
        layout = keras.distribution.LayoutMap(mesh)
        layout[".*/embeddings"] = (None, "model")
        model = keras.distribution.ModelParallel(layout_map=layout, batch_dim_name="batch")
        return model.scope()  # type: ignore[no-any-return]

    def batches() -> AbstractContextManager[Any]:
        data = keras.distribution.DataParallel(devices=devices(), auto_shard_dataset=False)
        return data.scope()  # type: ignore[no-any-return]

    return {"batches": batches, "in_parts": in_parts}


def difference(first: list[Any], second: list[Any]) -> float:
    pairs = zip(first, second, strict=True)
    return float(max(np.abs(a.astype(float) - b).max(initial=0) for a, b in pairs))


def apart(model: keras.Model) -> float:
    """How far replicas of TensorFlow's are apart; 0 on JAX, where a variable is one array."""
    if keras.config.backend() == "jax":
        return 0.0
    variables = [*model.trainable_variables, *model.optimizer.variables]
    first, second = zip(*(variable.value.values for variable in variables), strict=True)
    return difference(*([one.numpy() for one in replica] for replica in (first, second)))


def refused() -> list[str]:
    """What optimizers say where they can't keep replicas equal."""
    import tensorflow as tf  # noqa: PLC0415

    devices, said = ["CPU:0", "CPU:1"], []
    central = tf.distribute.experimental.CentralStorageStrategy(devices)
    mirrored = tf.distribute.MirroredStrategy(devices)
    sophia = fused.Sophia(0.1)

    def step() -> None:
        sophia.apply([variable.value], [variable], hessian=[variable.value])

    cases: list[Callable[[], Any]] = [
        lambda: trained(SETTINGS["clipped"], central.scope),
        lambda: mirrored.run(step),
    ]
    with mirrored.scope():
        variable = keras.Variable([1.0])
    for case in cases:
        try:
            case()
        except NotImplementedError as error:
            said.append(str(error))
    return said


def main() -> None:
    for place, scope in scopes().items():
        for name, make in SETTINGS.items():
            model = trained(make, scope)
            away = difference(arrays(trained(make, nullcontext)), arrays(model))
            print(place, name, f"{away:.3g} {apart(model):.3g}")
    if keras.config.backend() == "tensorflow":
        print(*refused(), sep="\n")


if __name__ == "__main__":
    main()
