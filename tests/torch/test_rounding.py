"""Rounding of parameters and states in torch: the bits of NumPy's front end, and resumption."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import optgen.torch as fused
from optgen import optimizers
from optgen.torch import optimizer_class
from tests.runtime.rounding import BFLOAT16, joined
from tests.torch.training import params_of, run

pytestmark = pytest.mark.compiled

ROUNDINGS = pytest.mark.parametrize("rounding", ["stochastic", "split", "split8"])
SHAPES = [(33, 17), (9,), (3, 5, 7)]


def halves(dtype: torch.dtype = torch.bfloat16) -> list[torch.Tensor]:
    return [p.detach().to(dtype).requires_grad_() for p in params_of(*SHAPES)]


def bits(tensor: torch.Tensor | None) -> Any:
    assert tensor is not None
    return tensor.detach().view(torch.int16).numpy()


def assert_same(one: Any, params: list[Any], other: Any, others: list[Any]) -> None:
    for mine, its in zip(params, others, strict=True):
        assert torch.equal(mine, its)
        assert {*one.state[mine]} == {*other.state[its]}
        for name, value in one.state[mine].items():
            assert value.dtype == other.state[its][name].dtype
            assert torch.equal(value, other.state[its][name])


@ROUNDINGS
def test_bits_are_those_of_arrays(rounding: str) -> None:
    """Of the class that a rule of Keras's has in torch."""
    given: Any = {"rounding": rounding, "rounding_seed": 5, "state_dtype": "bfloat16"}
    params = halves()
    arrays = [bits(param).copy().view(BFLOAT16) for param in params]
    kind: Any = optimizers.Adam
    one, other = optimizer_class(kind)(params, lr=0.01, **given), kind(0.01, **given)
    for number in range(4):
        run(one, params, range(number, number + 1))
        other.apply([bits(param.grad).view(BFLOAT16) for param in params], arrays)
    for param, array, states in zip(params, arrays, other.state.values(), strict=True):
        assert np.array_equal(bits(param), array.view(np.int16))
        assert torch.bfloat16 in {one.state[param]["velocity"].dtype}
        if rounding != "stochastic":
            assert np.array_equal(one.state[param]["remainder"].numpy(), states["remainder"])


def test_split_parameters_go_as_those_of_float32() -> None:
    params, wide = halves(), [p.detach().float().requires_grad_() for p in halves()]
    one = fused.AdamW(params, lr=0.01, rounding="split")
    other = fused.AdamW(wide, lr=0.01)
    for number in range(5):
        run(one, params, range(number, number + 1))
        for param, its in zip(params, wide, strict=True):
            assert param.grad is not None
            its.grad = param.grad.float()
        other.step()
    for param, its in zip(params, wide, strict=True):
        rest = one.state[param]["remainder"]
        assert rest.dtype == torch.int16
        assert rest.any()
        kept = joined(bits(param).view(BFLOAT16), rest.numpy())
        assert np.array_equal(kept, its.detach().numpy())


@ROUNDINGS
@pytest.mark.parametrize("steps", [1, 3])
def test_a_run_goes_on_from_a_checkpoint(rounding: str, steps: int, tmp_path: Path) -> None:
    def made(params: list[Any]) -> Any:
        return fused.Adam(params, lr=0.01, rounding=rounding, rounding_seed=7)

    straight, params = halves(), halves()
    first, whole = made(params), made(straight)
    run(whole, straight, range(6))
    run(first, params, range(steps))
    torch.save([first.state_dict(), params], tmp_path / "state")
    copied, own = pickle.loads(pickle.dumps((first, params)))
    deep, its = copy.deepcopy((first, params))
    state, loaded = torch.load(tmp_path / "state", weights_only=False)
    resumed = made(loaded)
    resumed.load_state_dict(state)
    for one, some in ((first, params), (resumed, loaded), (copied, own), (deep, its)):
        run(one, some, range(steps, 6))
        assert_same(one, some, whole, straight)


def test_a_state_without_remainders_starts_with_none() -> None:
    params = halves()
    before = fused.Adam(params, lr=0.01)
    run(before, params, range(2))
    after = fused.Adam(params, lr=0.01, rounding="split")
    after.load_state_dict(before.state_dict())
    values = [param.detach().clone() for param in params]
    run(after, params, range(2, 3))
    assert any(not torch.equal(p, v) for p, v in zip(params, values, strict=True))
    assert all(after.state[param]["remainder"].any() for param in params)


def test_what_is_refused() -> None:
    params = halves()
    split = fused.SGD(params, lr=0.01, rounding="split")
    run(split, params, range(1))
    other = fused.SGD(params, lr=0.01, rounding="split8")
    with pytest.raises(ValueError, match=r"remainder of parameter 0.0 is torch.int16, not int8"):
        other.load_state_dict(split.state_dict())
    with pytest.raises(ValueError, match="there is no rounding"):
        fused.SGD(params, lr=0.01, rounding="up")
    split.state[params[0]]["remainder"] = torch.zeros(SHAPES[0])
    with pytest.raises(TypeError, match="int8 or int16"):
        split.step()
    float16 = halves(torch.float16)
    narrow = fused.SGD(float16, lr=0.01, rounding="split")
    with pytest.raises(TypeError, match="float16"):
        run(narrow, float16, range(1))
