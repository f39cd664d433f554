"""What Keras saves of its own optimizers and is loaded as ours, and schedules that it compiles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

import optgen.keras
from optgen.keras import SGD, install, schedule_class, schedules
from optgen.optimizers import schedules as generated
from tests.keras.promises import assert_same, fitted, weights

#: Arguments of each generated schedule; those of Keras come first.
ARGUMENTS: list[tuple[str, dict[str, Any]]] = [
    ("ExponentialDecay", {"decay_steps": 10, "decay_rate": 0.5, "staircase": True}),
    ("PolynomialDecay", {"decay_steps": 30, "power": 2.5, "cycle": True}),
    ("InverseTimeDecay", {"decay_steps": 100, "decay_rate": 0.5}),
    ("CosineDecay", {"decay_steps": 40, "warmup_target": 0.2, "warmup_steps": 5}),
    ("CosineDecayRestarts", {"first_decay_steps": 12, "t_mul": 1.5, "m_mul": 0.9}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 7], "values": [0.1, 0.2, 0.05]}),
    ("LinearWarmup", {"target_learning_rate": 0.1, "warmup_steps": 10}),
    ("OneCycle", {"max_lr": 0.1, "total_steps": 40}),
    ("OneCycle", {"max_lr": 0.1, "total_steps": 40, "three_phase": True, "linear_anneal": True}),
    ("WarmupStableDecay", {"max_learning_rate": 0.1, "warmup_steps": 5, "decay_steps": 9}),
]
CALLS = 45
#: Keras's rounding of a logarithm may delay a restart.
LATE = ("CosineDecayRestarts",)


def arguments_of(name: str, given: dict[str, Any]) -> dict[str, Any]:
    if name in ("PiecewiseConstantDecay", "OneCycle"):
        return given
    rest = {"stable_steps": 8} if name == "WarmupStableDecay" else {"initial_learning_rate": 0.05}
    return {**rest, **given}


def check_schedules_of_variables(folder: Path) -> None:
    """For a variable they are tensors, as Keras's own, and for a number what NumPy's are."""
    assert {name for name, _ in ARGUMENTS} == {*generated.__all__}
    calls = keras.Variable(0, dtype="int64", trainable=False)
    for name, given in ARGUMENTS:
        rule, arguments = getattr(generated, name), arguments_of(name, given)
        exact, made = rule(**arguments), schedule_class(rule)(**arguments)
        own = getattr(keras.optimizers.schedules, name, None)
        others = [own(**arguments)] if own and name not in LATE else []
        assert (getattr(schedules, name) is own) == bool(own)
        for call in range(CALLS):
            calls.assign(call)
            found = keras.ops.convert_to_numpy(made(calls))
            assert found.dtype == np.float32
            assert made(call) == exact(call)
            for value in [exact(call), *(float(one(calls)) for one in others)]:
                np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-8, err_msg=name)


def check_schedules_train_and_are_saved(folder: Path) -> None:
    mine = schedules.LinearWarmup(0.0, 0.1, warmup_steps=8)
    model = fitted(SGD(mine, momentum=generated.WarmupStableDecay(0.9, 2, 4, 6)))

    class Warmup(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step: Any) -> Any:
            return 0.1 * keras.ops.minimum(keras.ops.cast(step, "float32") / 8, 1.0)

        def get_config(self) -> dict[str, Any]:
            return {}

    assert_same(fitted(SGD(mine)), fitted(keras.optimizers.SGD(Warmup())))
    model.save(folder / "model.keras")
    again = keras.saving.load_model(folder / "model.keras")
    assert again.optimizer._learning_rate == mine
    assert again.optimizer.momentum == model.optimizer.momentum
    fitted(model.optimizer, model)
    assert np.isfinite(weights(model)[0]).all()


def check_models_of_keras_are_loaded_as_ours(folder: Path) -> None:
    file = folder / "model.keras"
    for name, options in (("Adam", {}), ("SGD", {"use_ema": True})):
        theirs = getattr(keras.optimizers, name)(0.05, **options)
        fitted(theirs).save(file)
        plain = keras.saving.load_model(file)
        assert type(plain.optimizer).__module__ != "optgen.keras"
        with install():
            ours = keras.saving.load_model(file)
        assert type(ours.optimizer) is getattr(optgen.keras, name)
        for model in (plain, ours):
            model.fit(*_data(), epochs=2, batch_size=16, shuffle=False, verbose=0)
        assert int(ours.optimizer.iterations) == int(plain.optimizer.iterations) > 12
        assert_same(ours, plain)
    again = keras.saving.load_model(file)
    assert type(again.optimizer) is type(plain.optimizer)


def check_other_states_stay_keras_s(folder: Path) -> None:
    """Of these Keras has other states, arguments or ranges."""
    for name in ("Adafactor", "Muon"):
        fitted(getattr(keras.optimizers, name)(0.05)).save(folder / "model.keras")
        with install():
            loaded = keras.saving.load_model(folder / "model.keras")
        assert type(loaded.optimizer).__module__ != "optgen.keras"


def _data() -> tuple[Any, Any]:
    draw = np.random.default_rng(3)
    return draw.normal(size=(64, 6)).astype("float32"), draw.normal(size=(64, 2)).astype("float32")


INSTALLED: list[Callable[[Path], None]] = [
    value for name, value in list(globals().items()) if name.startswith("check_")
]
