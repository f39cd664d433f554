"""States of 8 and 4 bits of torch's classes: bytes in state dictionaries."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch

import optgen.torch as fused
from optgen.runtime.codes import KINDS
from tests.torch.training import gradients, params_of

pytestmark = pytest.mark.compiled

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
    shapes = {"int8": (64, 2, 68), "float8": (64, 2, 2, 34), "int4": (64, 2, 36)}
    for kind, shape in shapes.items():
        rows = params_of((64, 128))
        optimizer = adam(rows, kind)
        train(optimizer, rows, range(1))
        assert optimizer.state[rows[0]]["exp_avg"].shape == shape


def test_numbers_of_a_state_dictionary_are_encoded() -> None:
    """A run of torch's own class goes on with codes, near to how it goes on with float32."""
    params = params_of(*SHAPES)
    plain = torch.optim.Adam(params, lr=0.01)
    train(plain, params, range(4))
    theirs = copied(params)
    coded = adam(theirs, "int8")
    with pytest.warns(UserWarning, match="exp_avg of 2 variables from float32 to int8"):
        coded.load_state_dict(plain.state_dict())
    train(plain, params, range(4, 6))
    train(coded, theirs, range(4, 6))
    for mine, its in zip(params, theirs, strict=True):
        # Two updates of 0.01, each with an error below a fourth.
        torch.testing.assert_close(mine, its, rtol=0, atol=0.005)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", [None, "bfloat16", *KINDS])
def test_bytes_say_which_codes_they_are(kind: str, other: str | None) -> None:
    params = params_of(*SHAPES)
    coded = adam(params, kind)
    train(coded, params, range(1))
    again = adam(copied(params), other)
    if kind == other:
        again.load_state_dict(coded.state_dict())
        return
    before = again.state_dict()
    message = rf"the state exp_avg of parameter 0\.0 has codes '{kind}', and is to (be|have) .*"
    message += "choose that state_dtype, or, to convert it, save it inside of decoded"
    with pytest.raises(ValueError, match=message):
        again.load_state_dict(coded.state_dict())
    assert again.state_dict() == before
    with coded.decoded():
        numbers = coded.state_dict()
    if other is None:
        again.load_state_dict(numbers)
    else:
        with pytest.warns(UserWarning, match=f"from float32 to {other}"):
            again.load_state_dict(numbers)


@pytest.mark.parametrize("kind", KINDS)
def test_decoded_states_have_their_own_codes_again(kind: str) -> None:
    params = [*params_of(*SHAPES), torch.randn(64, 128).t().requires_grad_()]
    one = adam(params, kind)
    train(one, params, range(5))
    with one.decoded():
        numbers = one.state_dict()
    torch.optim.Adam(copied(params)).load_state_dict(numbers)
    theirs = copied(params)
    other = adam(theirs, kind)
    other.load_state_dict(numbers)
    for mine, its in zip(params, theirs, strict=True):
        for name in ("exp_avg", "exp_avg_sq"):
            assert torch.equal(one.state[mine][name], other.state[its][name])
            assert numbers["state"][0][name].dtype == torch.float32


def test_bytes_of_other_blocks_are_refused() -> None:
    params = params_of(*SHAPES)
    coded = adam(params, "int8")
    train(coded, params, range(1))
    state = coded.state_dict()
    bytes_of = state["state"][0]["exp_avg"]
    state["state"][0] |= {"exp_avg": bytes_of[:-1]}
    with pytest.raises(ValueError, match=r"\(154, 68\), not \(155, 68\): its blocks end elsewhere"):
        adam(copied(params), "int8").load_state_dict(state)
    state["state"][0]["exp_avg"] = torch.zeros(155, 67, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"has bytes of shape \(155, 67\), not \(155, 68\)$"):
        adam(copied(params), "int8").load_state_dict(state)


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
