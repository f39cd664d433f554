"""A state that doesn't fit is refused, with all that differs, and nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from optgen.optimizers import SGD, Adam, AdamW, LossScaleOptimizer
from optgen.optimizers.schedules import ExponentialDecay
from optgen.runtime import Array
from optgen.runtime.state import file
from optgen.runtime.state.snapshot import StateError

pytestmark = pytest.mark.usefixtures("python_kernels")


def variables() -> dict[str, Array]:
    return {"layer/kernel": np.ones((3, 2), np.float32), "layer/bias": np.ones(2, np.float32)}


def built(optimizer: Any, held: dict[str, Array] | None = None) -> Any:
    held = variables() if held is None else held
    optimizer.build(held)
    optimizer.apply({path: np.full_like(array, 0.5) for path, array in held.items()})
    return optimizer


RENAMED = {"layer/kernel": np.ones((3, 2), np.float32), "layer/biases": np.ones(2, np.float32)}
LARGER = {**variables(), "layer/kernel": np.ones((4, 2), np.float32)}
WIDER = {**variables(), "layer/bias": np.ones(2)}
FEWER = {"layer/kernel": np.ones((3, 2), np.float32)}

CASES: dict[str, tuple[Callable[[], Any], str]] = {
    "another optimizer": (lambda: built(SGD(momentum=0.5)), "it is the state of SGD"),
    "a renamed variable": (
        lambda: built(AdamW(), RENAMED),
        r"no variable 'layer/bias' \(it has 'layer/biases'\); it has a variable 'layer/biases' too",
    ),
    "a missing variable": (lambda: built(AdamW(), FEWER), "no variable 'layer/bias'"),
    "another shape": (
        lambda: built(AdamW(), LARGER),
        r"'layer/kernel' is float32 of shape \(4, 2\)",
    ),
    "another dtype": (lambda: built(AdamW(), WIDER), "'layer/bias' is float64 .* not float32"),
    "a state too many": (
        lambda: built(AdamW(amsgrad=True)),
        "'layer/kernel' has a state '.*' too many",
    ),
    "another switch": (lambda: built(AdamW(clipnorm=1.0)), "another setting of clipnorm_given"),
    "other options": (
        lambda: built(AdamW(options={"*bias": {"learning_rate": 1.0}})),
        "other options or exclusions",
    ),
    "a loss scale": (
        lambda: built(LossScaleOptimizer(AdamW())),
        "only one of them counts dynamic_scale, step_counter",
    ),
    "a function": (
        lambda: built(AdamW(lambda: 0.5)),
        "learning_rate was given by the function .*<lambda>",
    ),
}


def everything(optimizer: Any) -> Any:
    arrays = {(p, n): a.copy() for p, states in optimizer.state.items() for n, a in states.items()}
    held = {path: array.copy() for path, array in optimizer._core.model.named.items()}
    return arrays, held, optimizer.iterations, optimizer._iterations, optimizer.get_config()


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_fit_changes_nothing(case: str, tmp_path: Path) -> None:
    make, message = CASES[case]
    make().save(tmp_path / "a")
    store: dict[str, Any] = {}
    make().save_own_variables(store)
    optimizer = built(AdamW(0.25))
    before = everything(optimizer)
    with pytest.raises(StateError, match=message):
        optimizer.load(tmp_path / "a")
    with pytest.raises(StateError, match=message):
        optimizer.load_own_variables(store)
    np.testing.assert_equal(everything(optimizer), before)


def test_a_state_that_lacks_arrays(tmp_path: Path) -> None:
    optimizer = built(Adam())
    whole = optimizer._snapshot()
    path = tmp_path / "a"
    for key in whole.arrays:
        lacking = {k: v for k, v in whole.arrays.items() if k != key}
        file.write(replace(whole, arrays=lacking), path)
        with pytest.raises(StateError, match=f"{key[0]!r} has no state {key[1]!r}"):
            optimizer.load(path)
        other = {**whole.arrays, key: whole.arrays[key].astype(np.float64)}
        file.write(replace(whole, arrays=other), path)
        with pytest.raises(StateError, match=f"the state {key[1]!r} of {key[0]!r} is float64"):
            optimizer.load(path)


def test_many_differences_are_counted() -> None:
    store: dict[str, Any] = {}
    many = {f"v{i}": np.ones(1) for i in range(30)}
    built(SGD(), many).save_own_variables(store)
    with pytest.raises(StateError, match=r"and \d+ more"):
        built(SGD()).load_own_variables(store)


def test_another_rule_of_the_same_name_warns(tmp_path: Path) -> None:
    optimizer = built(Adam())
    file.write(replace(optimizer._snapshot(), spec="0" * 32), tmp_path / "a")
    with pytest.warns(UserWarning, match="another version of Adam's rule") as found:
        optimizer.load(tmp_path / "a")
    assert found[0].filename == __file__


def test_before_build() -> None:
    with pytest.raises(ValueError, match="no state before it is built"):
        SGD().save("a")
    with pytest.raises(ValueError, match="no state before it is built"):
        SGD().save_own_variables({})


def test_a_function_may_take_the_place_of_a_function(tmp_path: Path) -> None:
    built(SGD(lambda: 0.5, momentum=ExponentialDecay(0.5, 1, 0.5))).save(tmp_path / "a")
    other = built(SGD(lambda: 0.25, momentum=0.9))
    other.load(tmp_path / "a")
    assert (other.learning_rate, other.momentum) == (0.25, 0.25)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_store_of_keras_is_told_from_ours() -> None:
    peer = keras.optimizers.Adam()
    peer.build([keras.Variable(np.ones(2))])
    store: dict[str, Any] = {}
    peer.save_own_variables(store)
    with pytest.raises(StateError, match="of Keras itself, which says positions only"):
        built(Adam()).load_own_variables(store)
    with pytest.raises(StateError, match="no state that optgen wrote"):
        built(Adam()).load_own_variables({"a": np.ones(1)})


def test_a_damaged_store() -> None:
    store: dict[str, Any] = {}
    optimizer = built(Adam())
    optimizer.save_own_variables(store)
    key = next(key for key in store if key.startswith("layer/"))
    for damaged, message in (
        ({k: v for k, v in store.items() if k != key}, f"has no '{key}'"),
        ({**store, "odd": np.ones(1)}, "has 'odd' too many"),
        ({**store, "optgen": np.zeros(3, np.uint8)}, "description of this state is damaged"),
    ):
        with pytest.raises(StateError, match=message):
            optimizer.load_own_variables(damaged)
