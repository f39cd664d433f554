"""States go from torch's own optimizers to ours and back, through files and distributed ones."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

import optgen.torch as fused
from tests.torch.training import TORCH, assert_equal, gradients, network, params_of, run, values

Tensor = torch.Tensor
SHAPES = (4, 3), (5,), (), (2, 3, 2)
#: Arguments with which rules have all their states.
FULL: dict[str, dict[str, Any]] = {
    "SGD": {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01},
    "RMSprop": {"momentum": 0.9, "centered": True, "weight_decay": 0.01},
    "Adam": {"amsgrad": True, "weight_decay": 0.01},
    "AdamW": {"amsgrad": True, "betas": (0.8, 0.99)},
    "Adafactor": {"weight_decay": 0.1, "d": 1.5},
}
#: Options that came to torch's optimizers over the years.
LATE = ("maximize", "foreach", "capturable", "differentiable", "fused", "decoupled_weight_decay")
NAMES = pytest.mark.parametrize("name", TORCH)
WAYS = pytest.mark.parametrize("is_ours_first", [True, False], ids=["to torch", "to ours"])


def close(one: Any, other: Any) -> None:
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def of_torch(name: str) -> Any:
    return getattr(torch.optim, name)


def of_module(module: torch.nn.Module) -> list[Tensor]:
    return list(module.parameters())


def through_a_file(state: Any) -> Any:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def old(state: Any) -> Any:
    """As an older torch wrote it: without late options, and with counts that are numbers."""
    state = copy.deepcopy(state)
    for group in state["param_groups"]:
        for option in LATE:
            group.pop(option, None)
    for own in state["state"].values():
        if "step" in own:
            own["step"] = int(own["step"])
    return state


def without_buffers(state: Any) -> Any:
    """As torch's SGD wrote it before it made the velocity."""
    return {**state, "state": {n: {"momentum_buffer": None} for n in range(len(SHAPES))}}


@NAMES
@WAYS
@pytest.mark.parametrize("saved", [through_a_file, old], ids=["of today", "older"])
def test_twenty_more_steps_are_those_of_an_uninterrupted_run(
    name: str, is_ours_first: bool, saved: Callable[[Any], Any]
) -> None:
    if saved is old and is_ours_first and name == "Adafactor":
        pytest.skip("torch had all of its options from the start")
    kinds = [TORCH[name], of_torch(name)]
    first, second = kinds if is_ours_first else reversed(kinds)
    given = {"lr": 0.02, **FULL.get(name, {})}
    straight, broken = params_of(*SHAPES), params_of(*SHAPES)
    one, other = of_torch(name)(straight, **given), first(broken, **given)
    run(one, straight, range(10))
    run(other, broken, range(10))
    again = second(broken, lr=0.5)
    again.load_state_dict(saved(other.state_dict()))
    run(one, straight, range(10, 30))
    run(again, broken, range(10, 30))
    assert again.param_groups[0]["lr"] == 0.02
    close(values(broken), values(straight))


@NAMES
def test_states_are_called_what_torch_calls_them(name: str) -> None:
    found = []
    for kind in (TORCH[name], of_torch(name)):
        for arguments in ({}, FULL.get(name, {})):
            params = params_of((3,), (2,))
            optimizer = kind(params, **arguments)
            run(optimizer, params[:1], range(2))
            states = optimizer.state_dict()["state"].values()
            # Torch's Adagrad has states of parameters that never had a gradient.
            found.append([{*own} for own in states if own.get("step", 1) > 0])
    assert found[:2] == found[2:]


@NAMES
def test_groups_have_the_options_that_torch_s_have(name: str) -> None:
    ours, theirs = TORCH[name](params_of((3,))), of_torch(name)(params_of((3,)))
    assert ours.param_groups[0].keys() == theirs.param_groups[0].keys()
    assert {k: v for k, v in ours.defaults.items() if k in theirs.defaults} == theirs.defaults


def test_options_that_a_state_does_not_know_stay_as_they_are() -> None:
    params, others = params_of((4,)), params_of((4,))
    theirs = torch.optim.AdamW(others)
    run(theirs, others, range(2))  # type: ignore[arg-type]
    ours = fused.AdamW(params, l2_penalty=0.1, maximize=True)
    ours.load_state_dict(old(theirs.state_dict()))
    assert ours.param_groups[0]["l2_penalty"] == 0.1
    assert ours.param_groups[0]["maximize"] is True
    del ours.param_groups[0]["l2_penalty"]
    run(ours, params, range(2, 3))


@pytest.mark.skipif(
    "decoupled_weight_decay" not in torch.optim.Adam(params_of((1,))).defaults,
    reason="torch's states of both rules are alike here",
)
def test_a_state_of_another_rule_is_refused() -> None:
    theirs, ours = torch.optim.AdamW(params_of((4,))), fused.Adam(params_of((4,)), lr=0.2)
    with pytest.raises(ValueError, match="decoupled_weight_decay"):
        ours.load_state_dict(theirs.state_dict())
    assert ours.param_groups[0]["lr"] == 0.2


def test_velocities_that_are_none_are_made() -> None:
    found = []
    for module in (torch.optim, fused):
        params = params_of(*SHAPES)
        optimizer = module.SGD(params, lr=0.1, momentum=0.9, dampening=0.5)
        optimizer.load_state_dict(without_buffers(optimizer.state_dict()))
        run(optimizer, params, range(4))
        found.append(values(params))
    close(*found)


def damaged_shape(state: Any) -> None:
    state["state"][1]["exp_avg_sq"] = torch.zeros(7)


def damaged_kind(state: Any) -> None:
    state["state"][1]["exp_avg_sq"] = 3.0


def damaged_count(state: Any) -> None:
    state["state"][1]["step"] = torch.tensor(-1.0)


def damaged_state(state: Any) -> None:
    state["state"][1] = 3


def damaged_option(state: Any) -> None:
    state["param_groups"][0]["betas"] = (0.9, 1.5)


def damaged_group(state: Any) -> None:
    state["param_groups"][0]["params"].pop()


DAMAGES = [
    damaged_shape,
    damaged_kind,
    damaged_count,
    damaged_state,
    damaged_option,
    damaged_group,
]


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    straight, params = params_of(*SHAPES), params_of(*SHAPES)
    one, other = fused.Adam(straight, lr=0.05), fused.Adam(params, lr=0.05)
    run(one, straight, range(3))
    run(other, params, range(3))
    for damage in DAMAGES:
        state = copy.deepcopy(other.state_dict())
        state["param_groups"][0]["lr"] = 0.5
        damage(state)
        groups, own, kept = other.param_groups, other.state, dict(other.state[params[1]])
        with pytest.raises((TypeError, ValueError)):
            other.load_state_dict(state)
        assert other.param_groups is groups
        assert other.state is own
        assert all(own[params[1]][name] is value for name, value in kept.items())

    def fail(_: Any) -> None:
        raise KeyboardInterrupt

    state = copy.deepcopy(other.state_dict())
    state["state"][0]["exp_avg"].zero_()
    hook = other.register_load_state_dict_post_hook(fail)
    with pytest.raises(KeyboardInterrupt):
        other.load_state_dict(state)
    hook.remove()
    run(one, straight, range(3, 6))
    run(other, params, range(3, 6))
    assert_equal(values(straight), values(params))


def test_two_optimizers_never_update_one_state() -> None:
    params, others = params_of((4,)), params_of((4,))
    one, other = fused.Adam(params), fused.Adam(others)
    run(one, params, range(2))
    other.load_state_dict(one.state_dict())
    kept = one.state[params[0]]["exp_avg"].clone()
    run(other, others, range(2, 4))
    assert torch.equal(one.state[params[0]]["exp_avg"], kept)


def test_hooks_may_change_what_is_saved_and_loaded() -> None:
    found = []
    for module in (torch.optim, fused):
        params = params_of((4,), (3,))
        optimizer = module.Adam(params, lr=0.1)
        run(optimizer, params, range(2))

        def renamed(_: Any, state: Any) -> Any:
            own = {n: {f"my_{k}": v for k, v in s.items()} for n, s in state["state"].items()}
            return {**state, "state": own, "note": 3}

        def back(_: Any, state: Any) -> None:
            state["state"] = {
                n: {k.removeprefix("my_"): v for k, v in s.items()}
                for n, s in state["state"].items()
            }

        def slower(changed: Any) -> None:
            changed.param_groups[0]["lr"] = 0.01
            changed.state[changed.param_groups[0]["params"][0]]["exp_avg"].zero_()

        optimizer.register_state_dict_post_hook(renamed)
        optimizer.register_load_state_dict_pre_hook(back)
        optimizer.register_load_state_dict_post_hook(slower)
        state = optimizer.state_dict()
        assert "my_exp_avg" in state["state"][0]
        optimizer.load_state_dict(state)
        run(optimizer, params, range(2, 4))
        found.append(values(params))
    close(*found)


# Torch can't load what is both full and flat, from its own optimizers either.
@pytest.mark.parametrize(
    ("is_full", "is_flat"),
    [(True, False), (False, True), (False, False)],
    ids=["full", "flat", "nested"],
)
@WAYS
@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
@pytest.mark.parametrize("name", ["SGD", "AdamW", "RMSprop"])
def test_distributed_states_go_both_ways(
    name: str, is_ours_first: bool, is_full: bool, is_flat: bool
) -> None:
    options = StateDictOptions(flatten_optimizer_state_dict=is_flat, full_state_dict=is_full)
    given = {"lr": 0.02, **FULL.get(name, {})}
    kinds = [TORCH[name], of_torch(name)]
    first, second = kinds if is_ours_first else reversed(kinds)
    modules = network(torch.float32), network(torch.float32)
    straight, broken = (of_module(module) for module in modules)
    one, other = of_torch(name)(straight, **given), first(broken, **given)
    run(one, straight, range(5))
    run(other, broken, range(5))
    # Torch makes states by a step, for parameters that have no gradient.
    other.zero_grad()
    state = get_optimizer_state_dict(modules[1], other, options=options)
    again = second(broken, **{**given, "lr": 0.5})
    set_optimizer_state_dict(modules[1], again, state, options=options)
    run(one, straight, range(5, 10))
    run(again, broken, range(5, 10))
    assert again.param_groups[0]["lr"] == 0.02
    close(values(broken), values(straight))


def test_a_state_of_torch_s_begins_a_new_update_of_several_calls() -> None:
    params, others = params_of((4,)), params_of((4,))
    theirs = torch.optim.Adam(others, lr=0.1)
    run(theirs, others, range(3))  # type: ignore[arg-type]
    ours = fused.Adam(params, gradient_accumulation_steps=2)
    params[0].data.copy_(others[0].detach())
    ours.load_state_dict(theirs.state_dict())
    before = values(params)
    gradients(params, 3)
    gradients(others, 3)
    ours.step()
    assert_equal(values(params), before)
    ours.step()
    theirs.step()
    close(params[0], others[0])
