"""Classes that multiply matrices, beside torch's, which does so in bfloat16 unless patched."""

from __future__ import annotations

import copy
from typing import Any
from unittest.mock import patch

import pytest
import torch

import optgen.torch as fused
from tests.torch.training import OF_MATRICES, assert_equal, params_of, run, values

MATRICES = ((6, 4), (4, 6), (5, 5), (6, 4))


def test_which_these_are() -> None:
    assert [*OF_MATRICES] == ["Muon"]


def in_float64() -> Any:
    return patch.object(torch.Tensor, "bfloat16", torch.Tensor.clone)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"lr": 0.1, "weight_decay": 0.0, "momentum": 0.8, "nesterov": False},
        {"ns_coefficients": (2.0, -1.5, 0.5), "eps": 0.1},
        {"adjust_lr_fn": "match_rms_adamw"},
        {"adjust_lr_fn": "original", "ns_steps": 5},
    ],
    ids=",".join,
)
def test_parameters_and_states_are_torch_s(arguments: dict[str, Any]) -> None:
    ours, theirs = (params_of(*MATRICES, dtype=torch.float64) for _ in range(2))
    one, other = fused.Muon(ours, **arguments), torch.optim.Muon(theirs, **arguments)
    with in_float64():
        run(one, ours, range(5))
        run(other, theirs, range(5))  # type: ignore[arg-type]
        # Each goes on with the state of the other.
        saved = copy.deepcopy(one.state_dict())
        one.load_state_dict(copy.deepcopy(other.state_dict()))
        other.load_state_dict(saved)
        run(one, ours, range(5, 10))
        run(other, theirs, range(5, 10))  # type: ignore[arg-type]
    torch.testing.assert_close(values(ours), values(theirs), rtol=1e-12, atol=1e-12)
    for mine, yours in zip(ours, theirs, strict=True):
        torch.testing.assert_close(
            one.state[mine]["momentum_buffer"], other.state[yours]["momentum_buffer"]
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ns_steps": 3}, "Muon: ns_steps must be 5, not 3"),
        ({"adjust_lr_fn": "none"}, "adjust_lr_fn must be 'original' or 'match_rms_adamw'"),
        ({"adjust_lr_fn": True}, "adjust_lr_fn must be"),
    ],
    ids=str,
)
def test_what_it_does_not_have_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fused.Muon(params_of((3, 2)), **arguments)
    optimizer = fused.Muon(params_of((3, 2)))
    optimizer.param_groups[0].update(arguments)
    with pytest.raises(ValueError, match=message):
        run(optimizer, optimizer.param_groups[0]["params"], range(1))


def test_groups_scale_steps_as_they_are_told() -> None:
    ours, theirs = (params_of(*MATRICES, dtype=torch.float64) for _ in range(2))
    made: list[tuple[Any, Any]] = []
    for kind, params in ((fused.Muon, ours), (torch.optim.Muon, theirs)):
        first = {"params": params[:2], "adjust_lr_fn": "match_rms_adamw"}
        make: Any = kind
        made.append((make([first, {"params": params[2:]}]), params))
    with in_float64():
        for steps, second in ((range(3), "original"), (range(3, 6), "match_rms_adamw")):
            for optimizer, params in made:
                optimizer.param_groups[1]["adjust_lr_fn"] = second
                run(optimizer, params, steps)
    torch.testing.assert_close(values(ours), values(theirs), rtol=1e-12, atol=1e-12)


def test_a_run_with_vectors_goes_on_from_a_state_dictionary() -> None:
    straight, broken = (params_of((4, 3), (5,), (2, 3, 2)) for _ in range(2))
    one, other = fused.Muon(straight, lr=0.05), fused.Muon(broken, lr=0.05)
    run(one, straight, range(6))
    run(other, broken, range(3))
    again = fused.Muon(broken)
    again.load_state_dict(other.state_dict())
    run(again, broken, range(3, 6))
    assert_equal(values(straight), values(broken))


def test_channels_may_be_last() -> None:
    draw = torch.Generator().manual_seed(0)
    plain = torch.randn((4, 3, 3, 3), generator=draw, dtype=torch.float64)
    last = plain.clone().contiguous(memory_format=torch.channels_last)
    both = [plain.requires_grad_(), last.requires_grad_()]
    for param in both:
        run(fused.Muon([param], lr=0.1), [param], range(3))
    torch.testing.assert_close(*both, rtol=1e-12, atol=1e-12)
