"""What Keras promises of optimizers, on whichever backend."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import keras
import numpy as np

import optgen.keras
from optgen.keras import SGD, Adadelta, Adam, AdamW, RMSprop, install
from optgen.keras.arithmetic import TensorFunctions

Array = np.ndarray[Any, Any]
DRAW = np.random.default_rng(0)
INPUTS = DRAW.normal(size=(64, 6)).astype("float32")
TARGETS = (INPUTS @ DRAW.normal(size=(6, 2)) + 0.1).astype("float32")


def network(**of_kernels: Any) -> keras.Model:
    """A small network, always with the same weights."""
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.layers.Input((6,)),
            keras.layers.Dense(8, activation="tanh", **of_kernels),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(2, name="head"),
        ]
    )


def fitted(optimizer: Any, model: keras.Model | None = None, **arguments: Any) -> keras.Model:
    """A network after some epochs."""
    model = model or network()
    model.compile(optimizer=optimizer, loss="mse")
    arguments = {"epochs": 3, "batch_size": 16, "shuffle": False, "verbose": 0, **arguments}
    model.fit(INPUTS, TARGETS, **arguments)
    return model


def weights(model: keras.Model) -> list[Array]:
    return [np.asarray(array) for array in model.get_weights()]


def assert_same(one: keras.Model, other: keras.Model, tolerance: float = 2e-4) -> None:
    for ours, theirs in zip(weights(one), weights(other), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def check_fit_ends_where_kerass_own_does(folder: Path) -> None:
    arguments: dict[str, Any] = {
        "learning_rate": 0.02,
        "weight_decay": 0.01,
        "global_clipnorm": 1.0,
    }
    names = ["RMSprop", "Adam"]
    if keras.config.backend() == "torch":  # Others compile for seconds each.
        names += ["SGD", "Adadelta", "Adamax"]
    for name in names:
        ours = fitted(getattr(optgen.keras, name)(**arguments))
        assert_same(ours, fitted(getattr(keras.optimizers, name)(**arguments)))


def check_accumulation_in_fit(folder: Path) -> None:
    arguments: dict[str, Any] = {"learning_rate": 0.05, "gradient_accumulation_steps": 2}
    assert_same(fitted(Adam(**arguments)), fitted(keras.optimizers.Adam(**arguments)))


def check_strings(folder: Path) -> None:
    expected = fitted("adadelta")
    assert isinstance(expected.optimizer, keras.optimizers.Adadelta)
    assert_same(fitted("optgen>Adadelta"), expected)
    with install():
        model = fitted("adadelta")
        assert type(model.optimizer) is Adadelta
        assert type(keras.optimizers.get("ADAM")) is Adam
    assert_same(model, expected)
    assert isinstance(keras.optimizers.get("adadelta"), keras.optimizers.Adadelta)


def check_saved_models_go_on(folder: Path) -> None:
    path = str(folder / "model.keras")

    def made() -> Any:
        return AdamW(0.02, use_ema=True, ema_overwrite_frequency=3)

    whole = network()
    fitted(made(), whole, epochs=2)
    fitted(whole.optimizer, whole, epochs=2)
    half = fitted(made(), epochs=2)
    half.save(path)
    loaded = keras.saving.load_model(path)
    assert type(loaded.optimizer) is AdamW
    assert loaded.optimizer.get_config() == half.optimizer.get_config()
    for before, after in zip(half.optimizer.variables, loaded.optimizer.variables, strict=True):
        assert np.array_equal(keras.ops.convert_to_numpy(before), keras.ops.convert_to_numpy(after))
    loaded.fit(INPUTS, TARGETS, epochs=2, batch_size=16, shuffle=False, verbose=0)
    assert_same(loaded, whole, 1e-6)


def check_callbacks(folder: Path) -> None:
    rates = []
    callbacks = [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.05 / (epoch + 1)),
        keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=1, min_delta=1e9),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.EarlyStopping(monitor="loss", patience=9, restore_best_weights=True),
        keras.callbacks.BackupAndRestore(str(folder / "backup")),
        keras.callbacks.ModelCheckpoint(str(folder / "{epoch}.keras")),
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: rates.append(float(logs["learning_rate"]))
        ),
    ]
    fitted(Adam(), callbacks=callbacks, epochs=3)
    np.testing.assert_allclose(rates[:2], [0.05, 0.025], rtol=1e-6)
    resumed = keras.saving.load_model(folder / "2.keras")
    assert int(resumed.optimizer.iterations) == 8


def check_averages_are_swapped_and_finalised(folder: Path) -> None:
    arguments: dict[str, Any] = {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.8}
    ours = fitted(SGD(**arguments))
    assert_same(ours, fitted(keras.optimizers.SGD(**arguments)))
    swapping = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)]
    model = fitted(SGD(**arguments), callbacks=swapping, validation_data=(INPUTS, TARGETS))
    assert_same(model, ours)
    averages = ours.optimizer._model_variables_moving_average
    for variable, average in zip(ours.trainable_variables, averages, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(variable), keras.ops.convert_to_numpy(average), rtol=1e-6
        )


def check_schedules(folder: Path) -> None:
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10, warmup_steps=3, warmup_target=0.2)
    ours = fitted(RMSprop(schedule))
    assert_same(ours, fitted(keras.optimizers.RMSprop(schedule)))
    again = RMSprop.from_config(ours.optimizer.get_config())
    assert isinstance(again._learning_rate, keras.optimizers.schedules.CosineDecay)
    falling = keras.optimizers.schedules.PolynomialDecay(0.9, 20, 0.5)
    model = fitted(SGD(0.02, momentum=falling))
    assert np.isfinite(weights(model)[0]).all()
    assert SGD.from_config(model.optimizer.get_config()).momentum.decay_steps == 20


def check_excluded_variables_do_not_decay(folder: Path) -> None:
    pair = []
    for module in (optgen.keras, keras.optimizers):
        optimizer = module.AdamW(0.05, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        pair.append(fitted(optimizer))
    assert_same(*pair)
    again = AdamW.from_config(pair[0].optimizer.get_config())
    assert again.get_config() == pair[0].optimizer.get_config()
    assert_same(fitted(again), pair[1])


def check_constraints(folder: Path) -> None:
    def constrained() -> keras.Model:
        return network(kernel_constraint=keras.constraints.MaxNorm(0.4), bias_constraint="non_neg")

    ours = fitted(Adam(0.1), constrained())
    assert_same(ours, fitted(keras.optimizers.Adam(0.1), constrained()))
    assert (np.linalg.norm(weights(ours)[0], axis=0) <= 0.4001).all()
    assert (weights(ours)[1] >= 0).all()


def check_mixed_precision(folder: Path) -> None:
    for policy in ("mixed_bfloat16", "mixed_float16"):
        keras.config.set_dtype_policy(policy)
        try:
            ours, theirs = fitted(Adam(0.02)), fitted(keras.optimizers.Adam(0.02))
        finally:
            keras.config.set_dtype_policy("float32")
        assert_same(ours, theirs, 0.02)
        wrapped = getattr(ours.optimizer, "inner_optimizer", ours.optimizer)
        assert type(wrapped) is Adam


def check_narrow_variables_have_wide_states(folder: Path) -> None:
    variable = keras.Variable(np.ones(4), dtype="bfloat16")
    optimizer = Adam(0.01)
    for _ in range(100):
        optimizer.apply([keras.ops.ones(4, "bfloat16")], [variable])
    kinds = {v.path.rsplit("_", 1)[-1]: v.dtype for v in optimizer.variables}
    assert kinds["velocity"] == "float32"
    # In bfloat16 beta_2 would be 1, and the step 0.
    found = keras.ops.convert_to_numpy(keras.ops.cast(variable, "float32"))
    np.testing.assert_allclose(found, 0.0, atol=0.1)


def check_gradients_of_embeddings(folder: Path) -> None:
    words = DRAW.integers(0, 9, (64, 5))

    def end(optimizer: Any, *first: Any, inputs: Array = words) -> list[Array]:
        keras.utils.set_random_seed(0)
        last = [keras.layers.Flatten(), keras.layers.Dense(2)]
        model = keras.Sequential([keras.layers.Input(inputs.shape[1:]), *first, *last])
        model.set_weights([np.sin(np.arange(a.size)).reshape(a.shape) for a in weights(model)])
        model.compile(optimizer=optimizer, loss="mse")
        model.fit(inputs, TARGETS, epochs=2, batch_size=16, shuffle=False, verbose=0)
        return weights(model)

    arguments: dict[str, Any] = {"learning_rate": 0.02, "global_clipnorm": 0.5}
    embedding = keras.layers.Embedding(9, 4)
    product = keras.layers.Dense(4, use_bias=False)
    ours = end(Adam(**arguments), embedding)
    whole = end(keras.optimizers.Adam(**arguments), product, inputs=np.eye(9)[words])
    for one, other in zip(ours, whole, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    theirs = end(keras.optimizers.Adam(**arguments), keras.layers.Embedding(9, 4))
    # There Keras squares the gradients of a row that a batch has twice one by one.
    is_otherwise = not np.allclose(theirs[0], whole[0], atol=1e-3)
    assert is_otherwise == (keras.config.backend() == "tensorflow")


def check_minimize(folder: Path) -> None:
    for scale in (None, 1024.0):
        variable = keras.Variable(10.0)
        optimizer = RMSprop(learning_rate=0.1, loss_scale_factor=scale)
        before = optimizer.minimize(lambda v=variable: v * v / 2.0, [variable])
        assert float(before) == 50.0
        np.testing.assert_allclose(float(keras.ops.convert_to_numpy(variable)), 9.683772, rtol=1e-7)


def is_refused(optimizer: Any, grads: list[Any], variable: Any) -> bool:
    try:
        optimizer.apply(grads, [variable])
    except ValueError:
        return True
    return False


def check_nothing_changes_where_a_call_is_refused(folder: Path) -> None:
    variable = keras.Variable(np.ones(3, "float32"))
    optimizer = SGD(0.1)
    optimizer.apply([keras.ops.ones(3)], [variable])
    held = keras.ops.convert_to_numpy(variable).copy()
    ones = keras.ops.ones(3)
    for grads in ([keras.ops.ones((3, 1))], [keras.ops.ones(4)], [None], [ones, ones]):
        assert is_refused(optimizer, grads, variable)
    optimizer.momentum = 0.5
    assert is_refused(optimizer, [ones], variable)
    optimizer.momentum, optimizer.clipvalue = 0.0, -1.0
    assert is_refused(optimizer, [ones], variable)
    assert int(optimizer.iterations) == 1
    assert np.array_equal(keras.ops.convert_to_numpy(variable), held)


def check_compilers_keep_nan(folder: Path) -> None:
    """XLA's maximum of 1 and NaN is 1 on a CPU, under TensorFlow."""
    functions = TensorFunctions("float32")

    def both(a: Any, b: Any) -> list[Any]:
        return [functions.maximum(a, b), functions.minimum(a, b), functions.sign(a + b)]

    one, nothing = keras.ops.ones((3,)), keras.ops.full((3,), np.nan)
    if keras.config.backend() == "tensorflow":
        both = import_module("tensorflow").function(both, jit_compile=True, autograph=False)
    for pair in ((one, nothing), (nothing, one)):
        assert all(np.isnan(keras.ops.convert_to_numpy(found)).all() for found in both(*pair))


CHECKS: list[Callable[[Path], None]] = [
    value for name, value in list(globals().items()) if name.startswith("check_")
]
