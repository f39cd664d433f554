"""Configurations, copies and pickles."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from optgen.optimizers import SGD, AdamW
from optgen.runtime import Array
from tests.runtime.copying import COPIES

pytestmark = pytest.mark.usefixtures("python_kernels")
PATHS = ("layer/kernel", "layer/bias", "norm/scale")


def decayed(optimizer: Any, variables: dict[str, Array] | None = None) -> dict[str, bool]:
    """Which variables an update with zero gradients makes smaller."""
    if variables is None:
        variables = {path: np.ones(2) for path in PATHS}
    optimizer.apply([np.zeros(2)] * len(variables), variables)
    return {path: bool(array[0] < 1) for path, array in variables.items()}


def excluding(**arguments: Any) -> AdamW:
    optimizer = AdamW(learning_rate=0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(**arguments)
    return optimizer


def test_exclusions_by_path_outlive_a_configuration() -> None:
    optimizer = excluding(var_names=["bias"])
    optimizer.exclude_from_weight_decay(var_names="^norm/")
    config = optimizer.get_config()
    assert config["exclude_from_weight_decay"] == ["bias", "^norm/"]
    before = copy.deepcopy(config)
    made = AdamW.from_config(config)
    assert config == before
    assert made.get_config() == config
    expected = {"layer/kernel": True, "layer/bias": False, "norm/scale": False}
    assert decayed(made) == decayed(optimizer) == expected
    # What is excluded from a copy later stays out of the original.
    made = AdamW.from_config(config)
    made.exclude_from_weight_decay(var_names=["kernel"])
    assert AdamW.from_config(config).get_config() == before


def test_exclusions_of_a_variable_itself_become_its_path() -> None:
    variables = {path: np.ones(2) for path in ("a.b", "axb", "a.b.c")}
    optimizer = excluding(var_list=[variables["a.b"], np.ones(2)])
    with pytest.raises(ValueError, match="excluded from weight_decay"):
        optimizer.get_config()
    optimizer.build(variables)
    made = AdamW.from_config(optimizer.get_config())
    expected = {"a.b": False, "axb": True, "a.b.c": True}
    assert decayed(made, {path: np.ones(2) for path in variables}) == expected
    assert decayed(optimizer, variables) == expected


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"var_list": np.ones((2, 2))}, TypeError, "not one array"),
        ({"var_list": ["bias"]}, TypeError, "var_names takes paths"),
        ({"var_names": [1]}, TypeError, "strings"),
        ({"var_names": ["good", "(bad"]}, ValueError, "not a regular expression"),
    ],
)
def test_exclusions_that_make_no_sense(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    optimizer = AdamW()
    with pytest.raises(error, match=message):
        optimizer.exclude_from_weight_decay(**arguments)
    assert "exclude_from_weight_decay" not in optimizer.get_config()


def test_a_configuration_is_made_of_plain_values() -> None:
    given = {
        "learning_rate": np.float32(0.5),
        "momentum": np.array(0.25),
        "nesterov": np.True_,
        "gradient_accumulation_steps": np.int64(3),
        "clipnorm": np.array(2, np.int8),
    }
    config = SGD(**given, name="mine").get_config()
    assert {name: config[name] for name in given} == given
    assert [type(config[name]) for name in given] == [float, float, bool, int, float]
    again = SGD(**{**given, "momentum": np.array(config["momentum"])}, name=config["name"])
    assert again.get_config() == config


@pytest.mark.parametrize("how", COPIES)
def test_an_optimizer_that_is_not_built_can_be_copied(how: str) -> None:
    optimizer = excluding(var_names=["bias"])
    optimizer.learning_rate = 0.25
    copied = COPIES[how](optimizer)
    assert type(copied) is AdamW
    assert copied.get_config() == optimizer.get_config()
    copied.learning_rate = 1.0
    assert optimizer.learning_rate == 0.25
