"""Optimizers by name."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import keras
import numpy as np
import pytest
from keras.src.utils.naming import auto_name

import optgen.optimizers
from optgen.optimizers import SGD, Adadelta, RMSprop
from optgen.optimizers.schedules import ExponentialDecay
from optgen.runtime.instance_names import unique_name

# Keras's own conversion of NumPy arrays to torch tensors.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize("name", ["adadelta", "Adadelta", "ADADELTA"])
def test_names_in_any_case(name: str) -> None:
    assert type(optgen.optimizers.get(name)) is Adadelta
    assert type(keras.optimizers.get(name)).__name__ == "Adadelta"


def test_instances_none_and_configurations() -> None:
    optimizer = SGD(0.5, nesterov=True)
    assert optgen.optimizers.get(optimizer) is optimizer
    assert optgen.optimizers.get(None) is keras.optimizers.get(None) is None
    made = optgen.optimizers.get({"class_name": "sgd", "config": {"learning_rate": 0.5}})
    assert isinstance(made, SGD)
    assert made.learning_rate == 0.5


def test_what_keras_serialized_is_understood() -> None:
    theirs = keras.optimizers.RMSprop(0.5, rho=0.75, use_ema=True, weight_decay=0.25)
    ours: Any = optgen.optimizers.deserialize(keras.optimizers.serialize(theirs))
    assert type(ours) is RMSprop
    assert (ours.learning_rate, ours.rho, ours.use_ema, ours.weight_decay) == (
        0.5,
        0.75,
        True,
        0.25,
    )


def test_serialized_optimizers_are_json() -> None:
    optimizer = RMSprop(
        ExponentialDecay(0.1, 10, 0.5), momentum=0.3, options={"*": {"rho": 0.5}}, name="mine"
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    written = optgen.optimizers.serialize(optimizer)
    made = optgen.optimizers.deserialize(json.loads(json.dumps(written)))
    assert made.get_config() == optimizer.get_config()


@pytest.mark.parametrize(
    ("identifier", "error", "message"),
    [
        ("adadleta", ValueError, "no optimizer 'adadleta'; did you mean 'Adadelta'?"),
        ({"class_name": "SGD"}, ValueError, "has 'class_name' and 'config'"),
        ({"class_name": "os.system", "config": {}}, ValueError, "no optimizer 'os.system'"),
        (3, TypeError, "a name, a configuration or an instance"),
    ],
)
def test_what_is_no_optimizer(identifier: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        optgen.optimizers.get(identifier)
    with pytest.raises(TypeError, match="an optimizer is needed"):
        optgen.optimizers.serialize(identifier)


def test_functions_are_not_serialized() -> None:
    for optimizer, where in (
        (SGD(lambda: 0.5), "learning_rate"),
        (SGD(constraints={"a*": abs}), r"constraints: a\*"),
        (SGD(options={"b": {"momentum": lambda: 0.5}}), "options: b: momentum"),
    ):
        with pytest.raises(TypeError, match=f"^{where} is a function"):
            optgen.optimizers.serialize(optimizer)


def test_lists_with_a_pattern() -> None:
    assert optgen.optimizers.list("*adadelta") == ["Adadelta", "TorchAdadelta"]
    assert "LossScaleOptimizer" in optgen.optimizers.list()
    assert optgen.optimizers.list("nothing") == []


def test_lists_are_narrowed_and_described() -> None:
    listed = optgen.optimizers.list
    assert listed(["*adadelta", "lion"]) == ["Adadelta", "Lion", "TorchAdadelta"]
    assert {"Lion", "Tiger"} <= {*listed(family="sign")} <= {*listed()} - {"LossScaleOptimizer"}
    assert listed("lion", with_description=True) == [
        ("Lion", "Step by the sign of a mean between momentum and gradient.")
    ]
    assert ("clion", "lion, cautious=True") in listed(with_description=True, aliases=True)
    with pytest.raises(ValueError, match=r"no family 'sgin'; did you mean 'sign'\?"):
        listed(family="sgin")


@pytest.mark.parametrize(
    ("name", "states"), [("SGD", 0), ("Lion", 1), ("Adam", 2), ("AdEMAMix", 3), ("Adafactor", 0)]
)
def test_lists_of_few_states(name: str, states: int) -> None:
    """What optimizers allocate for a matrix, with their default arguments."""
    optimizer = getattr(optgen.optimizers, name)()
    optimizer.build([np.ones((64, 64))])
    held = [one for own in optimizer.state.values() for one in own.values()]
    assert sum(array.size == 64 * 64 for array in held) == states
    assert name in optgen.optimizers.list(memory=states)
    assert name not in optgen.optimizers.list(memory=states - 1)


def test_aliases_are_rules_with_arguments() -> None:
    fused = optgen.optimizers.get("fused_sgd")
    assert type(fused) is SGD
    optimizer: Any = optgen.optimizers.get("cautious_lion_8bit")
    assert (type(optimizer).__name__, optimizer.cautious) == ("Lion", True)
    assert optimizer.get_config()["state_dtype"] == "int8"


def test_every_instance_has_a_name_of_its_own_as_in_keras() -> None:
    for cls, peer in ((SGD, keras.optimizers.SGD), (RMSprop, keras.optimizers.RMSprop)):
        stem = re.sub(r"_\d+$", "", peer().name)
        names = [cls().name for _ in range(3)]
        assert len(set(names)) == 3
        assert all(re.fullmatch(rf"{stem}(_\d+)?", name) for name in names)
    for spelled in ("MyRule", "RMSThing", "lower", "MyRule"):
        assert unique_name(f"Odd{spelled}") == auto_name(f"Odd{spelled}")
    assert SGD(name="mine").name == keras.optimizers.SGD(name="mine").name == "mine"
    with pytest.raises(TypeError, match="name must be a string"):
        SGD(name=3)


@pytest.mark.parametrize("method", ["apply", "apply_gradients", "scale_loss", "get_config"])
@pytest.mark.parametrize("name", ["SGD", "LossScaleOptimizer"])
def test_methods_have_keras_s_arguments(name: str, method: str) -> None:
    def arguments(cls: Any) -> list[str]:
        return list(inspect.signature(getattr(cls, method)).parameters)

    ours, theirs = getattr(optgen.optimizers, name), getattr(keras.optimizers, name)
    # Inputs of rules that have some, by name, are optgen's own.
    own = ["inputs"] if (name, method) == ("SGD", "apply") else []
    assert arguments(ours) == [*arguments(theirs), *own]


def test_decay_only_warns() -> None:
    with pytest.warns(UserWarning, match="decay"):
        keras.optimizers.SGD(decay=0.1)
    with pytest.warns(UserWarning, match="'decay' is no longer supported") as found:
        optimizer = SGD(decay=0.1)
    assert found[0].filename == __file__
    assert "decay" not in optimizer.get_config()
    SGD(decay=None)


def test_an_unknown_argument_is_an_error_as_in_keras() -> None:
    with pytest.raises(ValueError, match="not recognized"):
        keras.optimizers.SGD(lerning_rate=0.1)
    with pytest.raises(ValueError, match="did you mean 'learning_rate'"):
        SGD(lerning_rate=0.1)


def test_tensors_of_no_dimension_are_numbers() -> None:
    torch = pytest.importorskip("torch")
    given: list[Any] = [
        np.array(0.5),
        np.float32(0.5),
        torch.tensor(0.5),
        torch.tensor([[0.5]])[0, 0],
    ]
    assert [SGD(value, momentum=value).momentum for value in given] == [0.5] * 4
    with pytest.raises(TypeError, match="must be a number"):
        SGD(torch.tensor([0.5]))
    for bad in (torch.tensor(-0.5), torch.tensor(float("nan"))):
        with pytest.raises(ValueError, match="out of range"):
            SGD(bad)
