"""States of 8 and 4 bits of torch's classes: bytes in state dictionaries."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch

import optgen.torch as fused
from optgen.runtime.codes import KINDS
from tests.torch.training import gradients, params_of

SHAPES = ((100, 99), (5,), (64, 128))


def adam(params: list[torch.Tensor], kind: Any) -> Any:
    return fused.Adam(params, lr=0.01, state_dtype=kind)


def train(optimizer: Any, params: list[torch.Tensor], steps: range) -> None:
    for number in steps:
        gradients(params, number)
        optimizer.step()


def copied(params: list[torch.Tensor]) -> list[torch.Tensor]:
    return [param.detach().clone().requires_grad_() for param in params]


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_goes_on_from_a_state_dictionary(kind: str) -> None:
    params = [*params_of(*SHAPES), torch.randn(64, 128).t().requires_grad_()]
    one = adam(params, kind)
    train(one, params, range(4))
    file = io.BytesIO()
    torch.save(one.state_dict(), file)
    file.seek(0)
    theirs = copied(params)
    other = adam(theirs, kind)
    other.load_state_dict(torch.load(file))
    for optimizer, own in ((one, params), (other, theirs)):
        train(optimizer, own, range(4, 8))
    for mine, its in zip(params, theirs, strict=True):
        assert torch.equal(mine, its)
        for name in ("exp_avg", "exp_avg_sq"):
            assert torch.equal(one.state[mine][name], other.state[its][name])


def test_states_are_rows_of_bytes_but_for_small_parameters() -> None:
    params = params_of(*SHAPES)
    optimizer = adam(params, "int8")
    train(optimizer, params, range(1))
    large, small, _ = (optimizer.state[param]["exp_avg"] for param in params)
    assert large.dtype is torch.uint8
    assert large.shape == (155, 68)
    assert small.dtype is torch.float32


def test_numbers_of_a_state_dictionary_are_encoded() -> None:
    """A run of torch's own class goes on with codes, near to how it goes on with float32."""
    params = params_of(*SHAPES)
    plain = torch.optim.Adam(params, lr=0.01)
    train(plain, params, range(4))
    theirs = copied(params)
    coded = adam(theirs, "int8")
    coded.load_state_dict(plain.state_dict())
    train(plain, params, range(4, 6))
    train(coded, theirs, range(4, 6))
    for mine, its in zip(params, theirs, strict=True):
        # Two updates of 0.01, each with an error below a fourth.
        torch.testing.assert_close(mine, its, rtol=0, atol=0.005)


def test_bytes_are_refused_where_states_have_no_codes() -> None:
    params = params_of(*SHAPES)
    coded = adam(params, "int8")
    train(coded, params, range(1))
    theirs = copied(params)
    with pytest.raises(ValueError, match=r"the state exp_avg of parameter 0\.0 has codes"):
        adam(theirs, None).load_state_dict(coded.state_dict())
    with pytest.raises(ValueError, match=r"has bytes of shape \(155, 68\), not \(155, 36\)"):
        adam(theirs, "int4").load_state_dict(coded.state_dict())


def test_what_states_take_is_listed_by_name() -> None:
    layer = torch.nn.Linear(128, 64)
    optimizer = fused.Adam(layer.named_parameters(), state_dtype="int8")
    train(optimizer, [*layer.parameters()], range(1))
    found = optimizer.storage()
    rows = {(one.path, one.state): (one.dtype, one.nbytes) for one in found}
    assert rows["weight", "exp_avg"] == ("int8", 128 * 68)
    assert rows["bias", "exp_avg_sq"] == ("float32", 4 * 64)
    held = [v for own in optimizer.state.values() for k, v in own.items() if k != "step"]
    assert found.nbytes == sum(one.nbytes for one in held)
    assert "int8" in str(found)
