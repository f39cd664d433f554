"""States in the storage that was chosen for them, in every copy, file and checkpoint."""

from __future__ import annotations

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import optgen.torch as fused
from optgen.torch import FusedOptimizer
from tests.torch.test_halves import FULL, NAMES, halves
from tests.torch.training import (
    TORCH,
    WITH_STATE,
    assert_equal,
    gradients,
    params_of,
    run,
    values,
)

HALVES = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
Params = list[torch.Tensor]
STORED: dict[str, Any] = {"state_dtype": "bfloat16", "use_ema": True}


def states_of(optimizer: FusedOptimizer, params: Params) -> list[dict[str, torch.Tensor]]:
    """The states that have a number for each element."""
    return [
        {name: t for name, t in optimizer.state[param].items() if t.shape == param.shape}
        for param in params
    ]


@HALVES
@pytest.mark.parametrize("name", [name for name in NAMES if name.values[0] in WITH_STATE])
def test_states_are_those_of_float32_rounded_when_stored(name: str, dtype: torch.dtype) -> None:
    """Beside an optimizer with float32 states, which are rounded outside of it in each step."""
    params = [*halves((30, 7), (5,), dtype=dtype), *params_of((4,))]
    others = [p.detach().clone().requires_grad_() for p in params]
    given: dict[str, Any] = {"lr": 2.0**-7, **FULL.get(name, {})}
    narrow = TORCH[name](params, state_dtype=dtype, **given)
    wide = TORCH[name](others, **given)
    for number in range(6):
        gradients(params, number)
        gradients(others, number)
        narrow.step()
        wide.step()
        for stored, own in zip(states_of(narrow, params), states_of(wide, others), strict=True):
            for key, state in own.items():
                state.copy_(state.to(stored[key].dtype))
    assert_equal(values(params), values(others))
    for own, other in zip(states_of(narrow, params), states_of(wide, others), strict=True):
        # States that an invariant compares aren't narrowed.
        kept = {torch.float32} if name == "RMSprop" else set()
        assert {state.dtype for state in own.values()} <= {dtype, *kept}
        for key, state in own.items():
            assert torch.equal(state.float(), other[key])


def test_names_and_patterns_choose_states() -> None:
    named = dict(zip(["embed.weight", "head.bias"], params_of((4, 3), (3,)), strict=True))
    optimizer = fused.Adam(
        named.items(),
        state_dtype={"exp_avg": torch.bfloat16, "head.*": "float16"},
    )
    first, second = named.values()
    run(optimizer, [first, second], range(1))
    assert optimizer.state[first]["exp_avg"].dtype == torch.bfloat16
    assert optimizer.state[first]["exp_avg_sq"].dtype == torch.float32
    assert {optimizer.state[second][name].dtype for name in ("exp_avg", "exp_avg_sq")} == {
        torch.float16
    }
    by_place = fused.Adam([first, second], state_dtype={"0.1": "bfloat16"})
    first.grad = second.grad = None
    run(by_place, [first, second], range(1))
    assert by_place.state[second]["exp_avg"].dtype == torch.bfloat16
    assert by_place.state[first]["exp_avg"].dtype == torch.float32


def test_what_fits_nothing_is_told() -> None:
    params = params_of((4,))
    with pytest.raises(ValueError, match="did you mean 'bfloat16'"):
        fused.Adam(params, state_dtype="bfloat")
    with pytest.raises(ValueError, match="no rounding 'nearst'; did you mean 'nearest'"):
        fused.Adam(params, rounding="nearst")
    optimizer = fused.Adam(params, state_dtype={"exp_avgs": "bfloat16"})
    with pytest.warns(UserWarning, match="state_dtype: no state and no variable fits 'exp_avgs'"):
        run(optimizer, params, range(1))


def again(optimizer: FusedOptimizer, params: Params, way: str, folder: Path) -> Any:
    """Parameters and an optimizer that go on from where another one is."""
    if way == "copy":
        return copy.deepcopy((params, optimizer))
    if way == "pickle":
        return pickle.loads(pickle.dumps((params, optimizer)))
    others = [p.detach().clone().requires_grad_() for p in params]
    torch.save(optimizer.state_dict(), folder / "state.pt")
    made = type(optimizer)(others, **STORED)
    made.load_state_dict(torch.load(folder / "state.pt", weights_only=True))
    return others, made


@pytest.mark.compiled
@pytest.mark.parametrize("way", ["copy", "pickle", "file"])
def test_a_run_goes_on_bit_by_bit(way: str, tmp_path: Path) -> None:
    params = halves((300, 70), (5,), dtype=torch.bfloat16)
    optimizer = fused.AdamW(params, **STORED)
    run(optimizer, params, range(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        others, twin = again(optimizer, params, way, tmp_path)
        run(optimizer, params, range(3, 6))
        run(twin, others, range(3, 6))
    assert_equal(values(params), values(others))
    for param, other in zip(params, others, strict=True):
        for name, state in optimizer.state[param].items():
            assert state.dtype == twin.state[other][name].dtype
            assert torch.equal(state, twin.state[other][name])


def test_loading_into_another_storage_tells_what_was_rounded() -> None:
    params = halves((40,), (3,), dtype=torch.bfloat16)
    wide, narrow = fused.Adam(params), fused.Adam(params, state_dtype={"exp_avg": "bfloat16"})
    run(wide, params, range(2))
    with pytest.warns(UserWarning, match="exp_avg of 2 variables from float32 to bfloat16$"):
        narrow.load_state_dict(wide.state_dict())
    for param in params:
        expected = wide.state[param]["exp_avg"].bfloat16()
        assert torch.equal(narrow.state[param]["exp_avg"], expected)
        assert torch.equal(narrow.state[param]["exp_avg_sq"], wide.state[param]["exp_avg_sq"])
    kept = values([narrow.state[param]["exp_avg"] for param in params])
    with warnings.catch_warnings():
        # Every bfloat16 is a float32.
        warnings.simplefilter("error")
        wide.load_state_dict(narrow.state_dict())
        narrow.load_state_dict(wide.state_dict())
    assert_equal([narrow.state[param]["exp_avg"] for param in params], kept)


def test_a_warning_that_is_an_error_changes_nothing() -> None:
    params = halves((40,), dtype=torch.bfloat16)
    wide, narrow = fused.Adam(params), fused.Adam(params, state_dtype="bfloat16")
    run(narrow, params, range(1))
    run(wide, params, range(1, 3))
    kept = values([narrow.state[params[0]][name] for name in ("exp_avg", "exp_avg_sq", "step")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="was rounded"):
            narrow.load_state_dict(wide.state_dict())
    state = narrow.state[params[0]]
    assert_equal([state[name] for name in ("exp_avg", "exp_avg_sq", "step")], kept)
