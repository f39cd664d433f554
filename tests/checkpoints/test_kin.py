"""States of rules that differ by names and scales, from one library to another at once."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch

import optgen
from optgen.checkpoints.kin import are_kin
from optgen.checkpoints.tables import library, rule_of
from tests.checkpoints.runs import KerasRun, TorchRun, start
from tests.checkpoints.test_twenty_steps import AFTER, BEFORE, BETWEEN, close

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("python_kernels"),
]
SMALL = 1e-30
#: Classes of Keras and of torch, with arguments that make their formulas the same.
PAIRS: dict[str, tuple[Any, Any, dict[str, Any], dict[str, Any]]] = {
    "SGD": (
        keras.optimizers.SGD,
        torch.optim.SGD,
        {"momentum": 0.875, "nesterov": True},
        {"momentum": 0.5, "nesterov": True},
    ),
    "RMSprop": (
        keras.optimizers.RMSprop,
        torch.optim.RMSprop,
        {"rho": 0.875, "momentum": 0.5, "centered": True, "epsilon": SMALL},
        {"momentum": 0.9, "centered": True},
    ),
    "Adam": (
        keras.optimizers.Adam,
        torch.optim.Adam,
        {"beta_1": 0.875, "beta_2": 0.96875, "amsgrad": True, "epsilon": SMALL},
        {"amsgrad": True},
    ),
    "AdamW": (
        keras.optimizers.AdamW,
        torch.optim.AdamW,
        {"beta_1": 0.875, "beta_2": 0.96875, "weight_decay": 0.125, "epsilon": SMALL},
        {},
    ),
    "Adamax": (
        keras.optimizers.Adamax,
        torch.optim.Adamax,
        {"beta_1": 0.875, "beta_2": 0.96875, "epsilon": SMALL},
        {},
    ),
    "Adadelta": (
        keras.optimizers.Adadelta,
        torch.optim.Adadelta,
        {"rho": 0.875, "epsilon": 2.0**-20},
        {},
    ),
    "Adagrad": (
        keras.optimizers.Adagrad,
        torch.optim.Adagrad,
        {"epsilon": SMALL, "initial_accumulator_value": 0.125},
        {},
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_state_goes_from_keras_to_torch_and_back(name: str) -> None:
    make, other, options, switches = PAIRS[name]
    options = {"learning_rate": 2.0**-6, **options}
    theirs = KerasRun(make, first := start(), **options)
    theirs.go(BEFORE)
    middle = theirs.values()
    new = TorchRun(other, middle, torch.float64, lr=0.5, **switches)
    new.load(optgen.convert(theirs.like, "torch").state)
    for one in (theirs, new):
        one.go(BETWEEN)
    close(new, theirs, first, 1e-9)
    back = KerasRun(make, new.values(), **options)
    found = optgen.convert(new.like, "keras", like=back.like)
    back.load(found.state)
    assert found.options.items() >= {**options, "learning_rate": 2.0**-6}.items()
    for one in (back, new):
        one.go(AFTER)
    close(back, new, middle, 1e-9)


def test_velocities_have_other_units() -> None:
    theirs = KerasRun(keras.optimizers.SGD, start(), learning_rate=0.25, momentum=0.5)
    theirs.go(BEFORE)
    found = optgen.convert(theirs.like, "torch")
    for place, own in found.state["state"].items():
        kept = theirs.like.variables[2 + place].value.detach().numpy()
        np.testing.assert_allclose(own["momentum_buffer"].numpy(), -4 * kept)
    (line,) = (one for one in found.report if one.after == "momentum_buffer")
    assert "-1/learning_rate" in line.note


def test_a_velocity_has_no_other_unit_where_the_learning_rate_is_0() -> None:
    theirs = KerasRun(keras.optimizers.SGD, start(), learning_rate=0.0, momentum=0.5)
    with pytest.raises(ValueError, match="-1/learning_rate has no value"):
        optgen.convert(theirs.like, "torch")


def test_tables_name_rules_and_their_states() -> None:
    for one in library("optgen").entries:
        other = rule_of(one.name)
        assert {*one.states} <= {state.name for state in other.states}
        held = {c.state for c in one.states.values() if c.state}
        assert held <= {s.name for s in one.rule.states}
        assert are_kin(one.rule, other)
        assert are_kin(other, one.rule)
    assert not are_kin(rule_of("Lion"), rule_of("Adam"))
