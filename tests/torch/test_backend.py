"""Steps as operations of torch: chosen where there are no kernels, and equal to these."""

from __future__ import annotations

import logging
from copy import deepcopy
from typing import Any

import pytest
import torch

import optgen.optimizers
import optgen.torch as fused
from optgen.torch import optimizer_class
from tests.chosen import rest_in_full
from tests.torch.ejecting import EJECTED, FEW, class_of, drawn, parameters
from tests.torch.ejecting import train as with_inputs

SHAPES = ((5, 3), (4,), (3, 5), (2, 3, 2))
FEATURES: dict[str, dict[str, Any]] = {
    "plain": {},
    "norm": {"clipnorm": 0.5, "maximize": True},
    "value": {"clipvalue": 0.5},
    "global norm": {"global_clipnorm": 0.5},
    "average": {"use_ema": True, "ema_overwrite_frequency": 2},
    "accumulation": {"gradient_accumulation_steps": 2, "loss_scale_factor": 2.0},
}


def run(kind: Any, steps: int = 4, dtype: torch.dtype = torch.float64, **arguments: Any) -> Any:
    """Parameters and their optimizer after some steps, in one of which a gradient is missing."""
    params = [torch.nn.Parameter(one.detach().to(dtype)) for one in parameters(SHAPES)]
    optimizer = kind(params, **arguments)
    train(optimizer, params, range(steps))
    return params, optimizer


def train(optimizer: Any, params: list[Any], steps: range) -> None:
    for number in steps:
        for param, gradient in zip(params, drawn(SHAPES, 1 + number), strict=True):
            param.grad = gradient.to(param.dtype)
        if number == 2:
            params[1].grad = None
        optimizer.step()


def agree(one: Any, other: Any, bound: float = 1e-13) -> None:
    (params, ours), (others, theirs) = one, other
    for param, expected in zip(params, others, strict=True):
        torch.testing.assert_close(param.detach(), expected.detach(), rtol=bound, atol=bound)
        assert ours.state[param].keys() == theirs.state[expected].keys()
        for name, state in ours.state[param].items():
            found = theirs.state[expected][name]
            torch.testing.assert_close(state, found, rtol=bound, atol=bound)


@pytest.mark.parametrize("features", FEATURES.values(), ids=FEATURES)
@pytest.mark.parametrize("name", ["Lion", "Muon", "TorchAdafactor"])
def test_steps_and_states_are_those_of_kernels(name: str, features: dict[str, Any]) -> None:
    kind = optimizer_class(getattr(optgen.optimizers, name))
    one = run(kind, backend="torch", **features)
    agree(one, run(kind, backend="kernels", **features))


@pytest.mark.parametrize("name", rest_in_full(EJECTED, FEW.__contains__))
def test_every_rule_makes_the_steps_of_its_file(name: str) -> None:
    # These files are compared with other code in test_ejected.py.
    file = class_of(name, "global_clipnorm")
    (rule,) = (one for one in vars(optgen.optimizers)["__all__"] if one.lower() == name)
    kind = optimizer_class(getattr(optgen.optimizers, rule))
    arguments = {"lr": 0.01, "global_clipnorm": 0.5}
    params, others = parameters(SHAPES), parameters(SHAPES)
    ours, theirs = kind(params, backend="torch", **arguments), file(others, **arguments)
    inputs = [one.name for one in kind.rule.inputs]
    with_inputs(ours, params, range(4), inputs)
    with_inputs(theirs, others, range(4), inputs)
    for param, other in zip(params, others, strict=True):
        torch.testing.assert_close(param.detach(), other.detach(), rtol=1e-10, atol=1e-12)


def test_half_precision_is_that_of_kernels() -> None:
    kind = optimizer_class(optgen.optimizers.Lion)
    one = run(kind, dtype=torch.bfloat16, backend="torch")
    agree(one, run(kind, dtype=torch.bfloat16), 1e-6)
    assert one[1].state[one[0][0]]["momentum"].dtype is torch.float32


@pytest.mark.parametrize("dtype", ["bfloat16", {"momentum": "float16"}], ids=str)
def test_states_of_half_precision_are_those_of_kernels(dtype: Any) -> None:
    kind = optimizer_class(optgen.optimizers.Lion)
    one, other = (
        run(kind, dtype=torch.float32, state_dtype=dtype, backend=name)
        for name in ("torch", "kernels")
    )
    agree(one, other, 1e-6)
    assert one[1].state[one[0][0]]["momentum"].element_size() == 2


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam", "AdamW", "Adamax", "Adadelta"])
def test_steps_are_those_of_torch(name: str) -> None:
    params, optimizer = run(getattr(fused, name), backend="torch", weight_decay=0.1)
    others, _ = run(getattr(torch.optim, name), weight_decay=0.1)
    assert optimizer.backend == "torch"
    for param, other in zip(params, others, strict=True):
        torch.testing.assert_close(param.detach(), other.detach(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_gradients_go_through_steps_as_through_torch_s(name: str) -> None:
    def slopes(kind: Any) -> list[torch.Tensor]:
        start, *gradients = (one.requires_grad_() for one in drawn(((3,),) * 4, 0))
        param = start.clone()
        optimizer = kind([param], lr=0.1, differentiable=True, weight_decay=0.1)
        for gradient in gradients:
            param.grad = gradient * 1.0
            optimizer.step()
        return [*torch.autograd.grad((param**2).sum(), [start, *gradients])]

    ours, theirs = slopes(getattr(fused, name)), slopes(getattr(torch.optim, name))
    for one, other in zip(ours, theirs, strict=True):
        # Corrections of torch's Adam are of float32 there.
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_the_choice_has_one_line_of_explanation(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "optgen.torch"):
        optimizer = fused.Adam([torch.nn.Parameter(torch.zeros(2, device="meta"))])
    assert optimizer.backend == "torch"
    assert "no kernels for the device meta" in caplog.text
    assert "no kernels for the device meta" in repr(optimizer)
    assert fused.Adam([torch.nn.Parameter(torch.zeros(2))]).backend == "kernels"


def test_a_step_needs_no_values() -> None:
    weight = torch.nn.Parameter(torch.zeros(2, 3, device="meta"))
    optimizer = fused.Adam([weight], global_clipnorm=1.0)
    weight.grad = torch.zeros(2, 3, device="meta")
    optimizer.step()
    assert optimizer.state[weight]["exp_avg"].device.type == "meta"


@pytest.mark.parametrize("backends", [("torch", "kernels"), ("kernels", "torch")])
def test_a_run_goes_on_with_the_other_backend(backends: tuple[str, str]) -> None:
    kind = optimizer_class(optgen.optimizers.Lion)
    whole, _ = run(kind, 4, use_ema=True)
    params, first = run(kind, 2, use_ema=True, backend=backends[0])
    second = kind(params, use_ema=True, backend=backends[1])
    second.load_state_dict(deepcopy(first.state_dict()))
    train(second, params, range(2, 4))
    for param, other in zip(params, whole, strict=True):
        torch.testing.assert_close(param.detach(), other.detach(), rtol=1e-12, atol=1e-13)


def test_averages_stand_in_for_parameters() -> None:
    (param, *_), optimizer = run(
        optimizer_class(optgen.optimizers.Lion), use_ema=True, backend="torch"
    )
    value, average = param.detach().clone(), optimizer.state[param]["parameter_average"].clone()
    with optimizer.averaged():
        assert torch.equal(param, average)
        with pytest.raises(RuntimeError, match="makes no step"):
            optimizer.step()
    assert torch.equal(param, value)
    optimizer.finalize()
    assert torch.equal(param, average)


def test_what_evaluation_computes_is_that_of_kernels() -> None:
    kind = optimizer_class(optgen.optimizers.ScheduleFreeSGD)
    found = []
    for backend in ("torch", "kernels"):
        params, optimizer = run(kind, lr=0.5, backend=backend)
        with optimizer.averaged():
            found.append([param.detach().clone() for param in params])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-13)


def test_numbers_of_the_optimizer_follow_the_first_group() -> None:
    kind = optimizer_class(optgen.optimizers.Prodigy)
    arguments: dict[str, Any] = {"lr": 0.5, "d0": 0.01}
    one, other = (run(kind, backend=name, **arguments) for name in ("torch", "kernels"))
    agree(one, other)
    assert float(one[1].state[one[0][0]]["distance"]) >= 0.01


def test_what_needs_kernels_is_refused() -> None:
    param = torch.nn.Parameter(torch.zeros(2))
    with pytest.raises(ValueError, match="a state_dtype below 16 bits needs kernels"):
        fused.Adam([param], backend="torch", state_dtype="int8")
    with pytest.raises(ValueError, match="rounding 'split' needs kernels"):
        fused.Adam([param], backend="torch", rounding="split")
    with pytest.raises(ValueError, match="backend='compiled' has no step here: differentiable"):
        fused.Adam([param], backend="compiled", differentiable=True)
    with pytest.raises(ValueError, match="differentiable=True"):
        fused.Adam([param], backend="kernels", differentiable=True)
    with pytest.raises(ValueError, match="must be 'kernels', 'torch', 'compiled' or None"):
        fused.Adam([param], backend="numba")
