"""What ``optgen.convert`` takes, finds out by itself, refuses and reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import optax
import pytest
import torch

import optgen
import optgen.torch as fused
from optgen import optimizers
from optgen.checkpoints.tables import libraries, library
from tests.checkpoints.runs import KerasRun, OwnRun, TorchRun, of_optax, start

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("python_kernels"),
]
RATE = 2.0**-6
KERAS: Any = keras.optimizers


def torch_run(make: Any = torch.optim.AdamW, steps: int = 3, **options: Any) -> TorchRun:
    made = TorchRun(make, start(), torch.float32, **{"lr": RATE, **options})
    made.go(range(steps))
    return made


def same(one: Any, other: Any) -> None:
    for mine, its in zip(one.values(), other.values(), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("is_ours_first", [True, False])
def test_a_state_dictionary_goes_to_our_class_and_back(is_ours_first: bool) -> None:
    """By a rule without torch's names here, in groups with other options."""
    kinds: list[Any] = [fused.optimizer_class(optimizers.DecayedAdagrad), torch.optim.Adagrad]
    first, second = kinds if is_ours_first else reversed(kinds)
    names = ["torch", "optgen"] if is_ours_first else ["optgen", "torch"]
    one = torch_run(first, steps=10, lr=RATE, lr_decay=0.125)
    two = TorchRun(second, one.values(), torch.float32, lr=0.5)
    two.load(optgen.convert(one.like, names[0], like=two.like).state)
    assert two.like.param_groups[0]["lr_decay"] == 0.125
    for run in (one, two):
        run.go(range(10, 30))
    same(two, one)


def test_a_dictionary_says_which_class_of_torch_s_it_is_of() -> None:
    for kind in (torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.NAdam):
        state = torch_run(kind).state()
        assert optgen.convert(state, "torch", source="torch").name == kind.__name__


def test_parameters_without_a_state_have_none() -> None:
    params = [torch.zeros(2, requires_grad=True), torch.zeros(3, requires_grad=True)]
    groups: Any = [{"params": params[:1], "lr": 0.5}, {"params": params[1:]}]
    theirs = torch.optim.NAdam(groups)
    params[1].grad = torch.ones(3)
    theirs.step()
    found = optgen.convert(theirs, "optgen").state
    assert set(found["state"]) == {1}
    assert [group["lr"] for group in found["param_groups"]] == [0.5, 0.002]
    with pytest.raises(ValueError, match="variable 0 has no state momentum: it had no gradient"):
        optgen.convert(theirs, "keras")


def test_groups_scale_states_by_their_own_learning_rates() -> None:
    params = [torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)]
    theirs = torch.optim.RMSprop(
        [{"params": params[:1], "lr": 0.5}, {"params": params[1:], "lr": 0.25}], momentum=0.5
    )
    for param in params:
        param.grad = torch.full((2,), 3.0)
    theirs.step()
    ours = fused.optimizer_class(optimizers.RMSprop)([{"params": [p]} for p in params])
    found = optgen.convert(theirs, "optgen", like=ours).state["state"]
    kept = [theirs.state[param]["momentum_buffer"] for param in params]
    assert torch.equal(found[0]["momentum_buffer"], 0.5 * kept[0])
    assert torch.equal(found[1]["momentum_buffer"], 0.25 * kept[1])


def test_converted_states_are_copies() -> None:
    one = torch_run(torch.optim.Adam)
    found = optgen.convert(one.like, "torch").state["state"][0]
    before = found["exp_avg"].clone(), float(found["step"])
    one.go(range(3, 5))
    assert torch.equal(found["exp_avg"], before[0])
    assert float(found["step"]) == before[1] == 3


def test_a_file_of_ours_goes_to_torch(tmp_path: Path) -> None:
    ours = OwnRun(optimizers.TorchAdam, start(), learning_rate=RATE, amsgrad=True)
    ours.go(range(10))
    ours.like.save(tmp_path / "adam.state")
    store: dict[str, Any] = {}
    ours.like.save_own_variables(store)
    theirs = TorchRun(torch.optim.Adam, ours.values(), torch.float64, lr=0.5)
    for state in (tmp_path / "adam.state", str(tmp_path / "adam.state"), store):
        theirs.load(optgen.convert(state, "torch").state)
        assert theirs.like.param_groups[0]["lr"] == RATE
    for run in (ours, theirs):
        run.go(range(10, 30))
    for mine, its in zip(ours.values(), theirs.values(), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-12, atol=1e-12)


def test_keras_s_variables_are_read_without_their_optimizer() -> None:
    theirs = KerasRun(KERAS.RMSprop, start(), learning_rate=RATE, momentum=0.5, centered=True)
    theirs.go(range(3))
    store: dict[str, Any] = {}
    theirs.like.save_own_variables(store)
    own: dict[str, Any] = {
        "source": "keras",
        "rule": "RMSprop",
        "options": {"momentum": 0.5, "centered": True},
    }
    whole = optgen.convert(theirs.like, "optgen").state["state"]
    for state in (store, theirs.like.variables):
        found: Any = optgen.convert(state, "optgen", **own)
        assert found.options["lr"] == RATE
        for place, states in whole.items():
            for name, value in states.items():
                assert torch.equal(found.state["state"][place][name], value)
    (line,) = (one for one in found.report if one.before == "rho")
    assert line.note == "not in the state: the default there"
    with pytest.raises(ValueError, match="variables are no state of RMSprop with velocity"):
        optgen.convert(store, "optgen", source="keras", rule="RMSprop", options={"centered": True})


def test_optax_s_hyperparameters_are_read_where_a_state_keeps_them() -> None:
    make = optax.inject_hyperparams(optax.adam)
    theirs = of_optax(make, {"learning_rate": RATE, "b1": 0.75})(start())
    theirs.go(range(3))
    with jax.enable_x64(True):
        found = optgen.convert(theirs.like, "torch", source="optax", rule="adam")
    group = found.state["param_groups"][0]
    assert (group["lr"], group["betas"]) == (RATE, (0.75, 0.999))
    assert float(found.state["state"][0]["step"]) == 3


def test_what_has_no_counterpart_is_reported() -> None:
    one = torch_run(torch.optim.SGD, momentum=0.5, dampening=0.25, maximize=True)
    found = optgen.convert(one.like, "keras")
    assert set(found.lost) == {"option dampening", "option maximize"}
    (line,) = (line for line in found.report if line.before == "momentum_buffer")
    assert line.after == "momentum"
    assert "the other includes the learning rate" in line.note
    header, *rows = str(found).splitlines()
    assert header.split() == ["before", "after"]
    assert len(rows) == len(found.report)
    assert keras.optimizers.SGD(**found.options).momentum == 0.5


@pytest.mark.parametrize(
    ("state", "arguments", "message"),
    [
        ({}, {"to": "torch"}, "say where the state is from"),
        ({}, {"to": "jax", "source": "torch", "rule": "Adam"}, "a state of torch is a dictionary"),
        ({}, {"to": "torch", "source": "jax"}, "'jax' is no library; there are bitsandbytes"),
        ({}, {"to": "torch", "source": "torch"}, "say which class the state is of"),
        ({}, {"to": "torch", "source": "torch", "rule": "Adamm"}, "'Adamm' is none"),
        ({}, {"to": "torch", "source": "optgen"}, "say which rule the state is of"),
        ({}, {"to": "torch", "source": "optgen", "rule": "Adamm"}, "'Adamm' is no built-in rule"),
        ((), {"to": "optgen", "source": "optax", "rule": "adam"}, "has ScaleByAdamState.mu"),
        ([3.0, 0.1], {"to": "torch", "source": "keras", "rule": "Lion"}, "no class of torch"),
        ([[3.0]], {"to": "torch", "source": "keras", "rule": "Lion"}, "the number of updates"),
    ],
)
def test_what_cannot_be_converted_is_refused(state: Any, arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        optgen.convert(state, **arguments)


def test_a_state_that_does_not_fit_is_refused() -> None:
    one = torch_run(torch.optim.Adam)
    with pytest.raises(ValueError, match="init as like"):
        optgen.convert(one.like, "optax")
    small = optax.adam(RATE).init([np.zeros(2)])
    with pytest.raises(ValueError, match="has 1 arrays, not 3"):
        optgen.convert(one.like, "optax", like=small)
    other = optax.adam(RATE).init([np.zeros(2)] * 3)
    with pytest.raises(ValueError, match=r"shape \(2,\), not \(4, 3\)"):
        optgen.convert(one.like, "optax", like=other)
    ours: Any = optimizers.TorchAdam()
    ours.build([np.zeros(2)])
    with pytest.raises(ValueError, match="there are 3 variables, and 1 here"):
        optgen.convert(one.like, "optgen", like=ours)


@pytest.mark.compiled
def test_states_with_codes_are_refused() -> None:
    params = [torch.ones(8192, requires_grad=True)]
    params[0].grad = torch.ones(8192)
    ours = fused.Adam(params, state_dtype="int8")
    ours.step()
    arrays: Any = optimizers.TorchAdam(state_dtype="int8")
    arrays.build([np.ones(8192, np.float32)])
    for one in (ours, arrays):
        with pytest.raises(ValueError, match="the state exp_avg has codes of 8 or 4 bits"):
            optgen.convert(one, "torch")


def test_halves_of_ours_become_float32() -> None:
    ours: Any = optimizers.TorchAdam(state_dtype="bfloat16")
    ours.build([np.ones(3, np.float32)])
    ours.apply([np.full(3, 0.5, np.float32)])
    found = optgen.convert(ours, "torch").state["state"][0]["exp_avg"]
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), 0.05, rtol=0.01)


def test_tables_name_what_there_is() -> None:
    for name in libraries():
        for one in library(name).entries:
            known = {h.name for h in one.rule.hyperparameters}
            assert {part for parts in one.options.values() for part in parts} <= known
            assert {*one.given} <= known
            states = {c.state for c in one.states.values() if c.state}
            assert states <= {state.name for state in one.rule.states}
            assert {*one.differs} <= {*one.options, *one.states, *one.fixed}


def test_tables_have_all_options_of_torch_s_classes() -> None:
    """But those that select an implementation."""
    free = {"foreach", "fused", "capturable", "differentiable", "ns_steps"}
    for one in library("torch").entries:
        kind: Any = getattr(torch.optim, one.name)
        listed = {*kind([torch.zeros(1, 1)]).defaults}
        assert listed - free == {*one.options, *one.fixed}
