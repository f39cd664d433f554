"""Steps of torch with more than a gradient: inputs, second points and computed averages."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch

import optgen
from optgen.torch import optimizer_class
from tests.runtime.more_than_gradients import GUIDED, SCHEDULE_FREE


def param(*values: float) -> torch.Tensor:
    made = torch.tensor(values, dtype=torch.float32, requires_grad=True)
    made.grad = torch.ones_like(made)
    return made


def guided(params: list[torch.Tensor]) -> Any:
    return optimizer_class(optgen.compile(GUIDED))(params)


def test_inputs_are_tensors_by_order_or_by_parameter() -> None:
    first, second = param(1, 1), param(1)
    made = guided([first, second])
    curvature = [torch.tensor([1.0, 3.0]), torch.tensor([4.0])]
    made.step(curvature=curvature, loss=0.5)
    assert first.tolist() == [0.75, 0.875]
    assert second.tolist() == [torch.tensor(0.9).item()]
    made.step(curvature={second: curvature[1], first: curvature[0]}, loss=1.0)
    assert first.tolist() == [0.25, 0.625]


def test_the_loss_is_that_of_the_closure() -> None:
    one = param(1)
    made = guided([one])
    assert made.step(lambda: torch.tensor(0.5), curvature=[torch.ones(1)]).item() == 0.5
    assert one.item() == 0.75
    made.step(lambda: torch.tensor(7.0), curvature=[torch.ones(1)], loss=1.0)
    assert one.item() == 0.25


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "needs curvature in each call"),
        ({"curvature": [torch.ones(2)]}, "needs loss in each call"),
        ({"curvature": [torch.ones(3)], "loss": 1.0}, r"the curvature of '0\.0' has shape \(3,\)"),
        ({"curvature": [torch.ones(2).double()], "loss": 1.0}, "curvature of parameter 0.0 is"),
        ({"curvature": [None], "loss": 1.0}, "curvature lacks an array for '0.0'"),
        ({"curvature": [], "loss": 1.0}, "curvature: 0 tensors for 1 parameters"),
        ({"curvature": {torch.ones(2): torch.ones(2)}, "loss": 1.0}, "no parameter of this"),
        ({"curvatures": []}, "takes no 'curvatures'"),
    ],
)
def test_other_inputs_change_nothing(inputs: dict[str, Any], message: str) -> None:
    one = param(1, 1)
    made = guided([one])
    with pytest.raises((TypeError, ValueError), match=message):
        made.step(**inputs)
    assert one.tolist() == [1, 1]


def test_a_second_point() -> None:
    """One step on the square of a number, worked out by hand: the point is half a unit away."""
    one = torch.tensor([3.0], requires_grad=True)
    made = optimizer_class(optgen.compile("sgd", "sam"))([one], lr=0.25, sam_radius=0.5)
    (one**2).sum().backward()  # type: ignore[no-untyped-call]
    before = one._version
    made.perturb()
    assert one.item() == 3.5
    assert one._version > before
    with pytest.raises(RuntimeError, match="perturbed"):
        made.perturb()
    for refused in (made.state_dict, lambda: pickle.dumps(made)):
        with pytest.raises(RuntimeError, match="perturbed"):
            refused()
    made.zero_grad()
    (one**2).sum().backward()  # type: ignore[no-untyped-call]
    made.step()
    assert one.item() == 3 - 0.25 * 7
    made.state_dict()


def test_gradients_that_are_missing_at_one_of_the_points() -> None:
    one, two, idle = (torch.tensor([x], requires_grad=True) for x in (3.0, 4.0, 5.0))
    made = optimizer_class(optgen.compile("sgd", "sam"))([one, two, idle], lr=0.25, sam_radius=0.5)
    one.grad = torch.tensor([2.0])
    made.perturb()
    assert one.item() == 3.5
    one.grad, two.grad = None, torch.tensor([4.0])
    made.step()
    assert (one.item(), two.item(), idle.item()) == (3.0, 3.0, 5.0)
    assert idle not in made.state


def test_a_step_without_gradients_comes_back() -> None:
    """As where a GradScaler finds the second gradients infinite, and leaves the step out."""
    half = torch.tensor([3.0], dtype=torch.bfloat16, requires_grad=True)
    made = optimizer_class(optgen.compile("sgd", "sam"))([half], lr=0.25, sam_radius=0.5)
    half.grad = torch.tensor([2.0], dtype=torch.bfloat16)
    made.perturb()
    assert half.item() == 3.5
    made.zero_grad()
    made.step()
    assert half.item() == 3.0
    made.state_dict()


def test_a_rule_without_a_second_point() -> None:
    made = optimizer_class(optgen.compile("sgd", "sam"))([param(1)])
    with pytest.raises(RuntimeError, match="where the parameters are"):
        made.perturb()


def test_averages_are_computed() -> None:
    """Beside the formula in plain Python; a parameter without updates stays what it is."""
    one, idle = param(1), torch.ones(2, requires_grad=True)
    made = optimizer_class(optgen.compile(SCHEDULE_FREE))([one, idle], lr=0.5)
    z = x = 1.0
    for step in (1, 2, 3):
        made.step()
        z -= 0.5
        x += (z - x) / step
    y = 0.1 * z + 0.9 * x
    torch.testing.assert_close(one.item(), y)
    with made.averaged():
        torch.testing.assert_close(one.item(), x)
        assert idle.tolist() == [1, 1]
    torch.testing.assert_close(one.item(), y)
