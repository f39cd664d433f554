"""Optimizers of Keras in the memory of torch's tensors."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import optgen
import optgen.keras
from optgen.compiled.user_folder import VARIABLE
from optgen.compiler.emit.targets.keras import TARGET
from optgen.keras import SGD, Adam, optimizer_class
from optgen.keras.inplace import InPlace
from tests.keras import extents
from tests.keras.compiled import COMPILED
from tests.keras.crossing import SETTINGS, difference
from tests.keras.halves import HALVES
from tests.keras.promises import CHECKS, INPUTS, TARGETS, fitted, network
from tests.numeric.settings import ALONE, AT_RANDOM, Setting, some_in_full
from tests.runtime.cuda.own import package

ALTERNATING = '''
name = "Alternating"
[hyperparameters]
learning_rate = { default = 0.1 }
[update]
rule = """
if step % 2 == 0:
    grad = grad + param
param = param - learning_rate*grad
"""
'''

# Keras's own conversion of NumPy arrays to torch tensors.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("python_kernels"),
]


@pytest.mark.parametrize("check", [*CHECKS, *HALVES], ids=lambda check: check.__name__)
def test_promises(check: Any, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(tmp_path)


@pytest.mark.parametrize(
    "setting", some_in_full([*ALONE, *AT_RANDOM, *(s for s in SETTINGS if s.label == "own")])
)
def test_every_optimizer_with_every_feature(setting: Setting) -> None:
    def apply(optimizer: Any, grads: Sequence[Any], variables: Sequence[Any]) -> None:
        assert optimizer._inside.in_place is not None
        optimizer.apply([*grads, None], variables)

    assert not difference(setting, lambda optimizer: apply)


def test_memory_stays_where_it_is() -> None:
    model = fitted("optgen>Adam", epochs=1)
    every = [*model.trainable_variables, *model.optimizer.variables]
    before = [variable.value.data_ptr() for variable in every]
    model.fit(INPUTS, TARGETS, epochs=1, verbose=0)
    assert [variable.value.data_ptr() for variable in every] == before


def test_autograd_notices() -> None:
    variable = keras.Variable(np.ones(3, "float32"))
    loss = (variable.value**2).sum()
    SGD(0.1).apply([torch.ones(3)], [variable])
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_swapped_memory_is_noticed() -> None:
    variable, optimizer = keras.Variable(np.ones(3, "float32")), SGD(0.5)
    optimizer.apply([torch.ones(3)], [variable])
    variable.value.data = torch.full((3,), 7.0)
    optimizer.apply([torch.ones(3)], [variable])
    assert variable.numpy().tolist() == [6.5, 6.5, 6.5]


def test_a_window_goes_on_after_loading() -> None:
    whole, half = keras.Variable(np.ones(2, "float32")), keras.Variable(np.ones(2, "float32"))
    one, two = (SGD(0.1, gradient_accumulation_steps=3) for _ in range(2))
    grads = [torch.full((2,), float(number)) for number in range(6)]
    for gradient in grads:
        one.apply([gradient], [whole])
    for gradient in grads[:4]:
        two.apply([gradient], [half])
    store: dict[str, Any] = {}
    two.save_own_variables(store)
    three = SGD(0.1, gradient_accumulation_steps=3)
    three.build([half])
    three.load_own_variables(store)
    for gradient in grads[4:]:
        three.apply([gradient], [half])
    assert half.numpy().tolist() == whole.numpy().tolist()
    assert int(three.iterations) == 2


def test_numbers_may_change_at_any_time_but_parts_stay() -> None:
    variable, optimizer = keras.Variable(np.zeros(1, "float32")), Adam(0.5)
    optimizer.apply([torch.ones(1)], [variable])
    optimizer.learning_rate = 0.0
    optimizer.beta_1 = 0.5
    held = variable.numpy().copy()
    optimizer.apply([torch.ones(1)], [variable])
    assert np.array_equal(variable.numpy(), held)
    optimizer.amsgrad = True
    with pytest.raises(ValueError, match="amsgrad can't be switched"):
        optimizer.apply([torch.ones(1)], [variable])


def test_unknown_and_odd_arguments_are_told() -> None:
    with pytest.raises(ValueError, match="did you mean 'beta_1'"):
        Adam(beta1=0.5)
    with pytest.raises(ValueError, match="out of range"):
        Adam(learning_rate=-1.0)
    with pytest.raises(TypeError, match="epsilon must be a number"):
        Adam(epsilon="small")


def test_a_rule_of_ones_own() -> None:
    own_rule = package().Lamb
    made = optimizer_class(own_rule, "TestsOwnRule")
    assert optimizer_class(own_rule, "TestsOwnRule") is made
    model = fitted("optgen.own>TestsOwnRule")
    assert type(model.optimizer) is made
    loss = model.evaluate(INPUTS, TARGETS, verbose=0)
    fresh = network()
    fresh.compile(loss="mse")
    assert loss < fresh.evaluate(INPUTS, TARGETS, verbose=0)


def test_a_rule_of_ones_own_with_the_name_of_another() -> None:
    """Each is found by its own string, and plain strings mean the built-in one."""
    own = optimizer_class(package().Lamb, "TestsAdam"), optimizer_class(package().Lamb, "Adam")
    assert own[1] is not Adam
    assert type(keras.optimizers.get("optgen.own>Adam")) is own[1]
    assert type(keras.optimizers.get("optgen>Adam")) is Adam
    config = keras.saving.serialize_keras_object(own[1](0.5))
    assert type(keras.saving.deserialize_keras_object(config)) is own[1]
    with optgen.keras.install():
        assert type(keras.optimizers.get("adam")) is Adam
        assert type(keras.optimizers.get("testsadam")) is own[0]
    changed = optgen.compile("sgd")
    with pytest.raises(ValueError, match=r'"Adam2"'):
        optimizer_class(changed, "Adam")


def test_numbers_rows_and_columns() -> None:
    def in_place(optimizer: Any) -> Any:
        assert optimizer._inside.in_place is not None
        return lambda _, grads, variables: optimizer.apply([*grads, None], variables)

    assert not extents.mistakes(in_place)


def test_keras_files_with_numbers_rows_and_columns(tmp_path: Path) -> None:
    extents.check_keras_files(tmp_path)


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")
def test_a_condition_of_calls_is_a_branch_of_operations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    (tmp_path / "alternating.toml").write_text(ALTERNATING, encoding="utf-8")
    rule = optgen.compile(tmp_path / "alternating.toml")
    variable, idle = (keras.Variable(np.ones(3), dtype="float32") for _ in range(2))
    optimizer, array, plain = optimizer_class(rule)(0.125), np.ones(3, np.float32), rule(0.125)
    apply = COMPILED["torch"](optimizer)
    optimizer.build([variable, idle])
    for _ in range(3):
        apply(optimizer, [torch.ones(3)], [variable, idle])
        plain.apply([np.ones(3, np.float32)], [array])
        assert np.array_equal(variable.numpy(), array)


def test_a_rule_without_operations_runs_in_its_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(type(TARGET), "supports", lambda self, plan: False)
    text = ALTERNATING.replace("Alternating", "InKernels")
    (tmp_path / "in_kernels.toml").write_text(text, encoding="utf-8")
    rule = optgen.compile(tmp_path / "in_kernels.toml")
    variable, optimizer = keras.Variable(np.ones(3, "float32")), optimizer_class(rule)()
    array, plain = np.ones(3, np.float32), rule()
    for _ in range(3):
        optimizer.apply([torch.ones(3)], [variable])
        plain.apply([np.ones(3, np.float32)], [array])
    assert np.array_equal(variable.numpy(), array)
    with pytest.raises(NotImplementedError, match="outside of graphs"):
        optimizer.stateless_apply(
            [v.value for v in optimizer.variables], [torch.ones(3)], [variable.value]
        )
    # As on a device without kernels.
    monkeypatch.setattr(InPlace, "fits", staticmethod(lambda rule, slots: False))
    with pytest.raises(NotImplementedError, match="the target 'keras' lacks"):
        optimizer_class(rule)().build([keras.Variable(np.ones(3))])
