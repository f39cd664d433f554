"""What users change in groups and states counts at the next step, as in torch's own optimizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import optgen.torch as fused
from tests.torch.training import (
    WITH_STATE,
    assert_equal,
    gradients,
    params_of,
    run,
    values,
)

Tensor = torch.Tensor
MODULES = (torch.optim, fused)


def close(one: Any, other: Any) -> None:
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def replace(optimizer: Any, group: dict[str, Any], change: Callable[[Tensor], Tensor]) -> Tensor:
    """Put a changed parameter in the place of another, with its moments changed alike."""
    old = group["params"][0]
    new = torch.nn.Parameter(change(old.detach()))
    state = optimizer.state.get(old)
    if state is not None:
        for name in ("exp_avg", "exp_avg_sq"):
            state[name] = change(state[name])
        del optimizer.state[old]
        optimizer.state[new] = state
    group["params"][0] = new
    return new


def grown(old: Tensor) -> Tensor:
    return torch.cat([old, old[:5]])


def pruned(old: Tensor) -> Tensor:
    return old[torch.arange(len(old)) % 4 > 0]


def densified(module: Any) -> tuple[list[float], list[Tensor]]:
    """Points are fitted to a curve, and split and pruned in between."""
    torch.manual_seed(0)
    groups = [
        {"params": [torch.nn.Parameter(torch.randn(20, 2))], "lr": 0.02, "name": "place"},
        {"params": [torch.nn.Parameter(torch.randn(20, 1))], "lr": 0.05, "name": "height"},
    ]
    optimizer = module.Adam(groups, lr=0.0, eps=1e-15)
    wanted, losses = torch.linspace(-1, 1, 15)[:, None], []
    for number in range(120):
        place, height = (group["params"][0] for group in optimizer.param_groups)
        distance = (place[None] - wanted[:, None]).square().sum(-1)
        loss = (torch.exp(-4 * distance) @ height - wanted.sin()).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if number in (30, 60):
            for group in optimizer.param_groups:
                replace(optimizer, group, grown)
        if number in (45, 90):
            for group in optimizer.param_groups:
                replace(optimizer, group, pruned)
    return losses, [group["params"][0].detach() for group in optimizer.param_groups]


def test_points_are_split_and_pruned_in_mid_run() -> None:
    (theirs, expected), (ours, found) = map(densified, MODULES)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("how", ["replaced", "appended", "group", "list", "groups"])
def test_parameters_that_come_into_groups_are_trained(how: str) -> None:
    found = []
    for module in MODULES:
        first, other = params_of((4,), (3,))
        optimizer = module.Adam([first], lr=0.1)
        run(optimizer, [first], range(2))
        group = optimizer.param_groups[0]
        if how == "replaced":
            group["params"][0] = other
        elif how == "appended":
            group["params"].append(other)
        elif how == "list":
            group["params"] = [other, first]
        elif how == "group":
            optimizer.param_groups.append({**group, "params": [other], "lr": 0.5})
        else:
            optimizer.param_groups = [{**group, "params": [other]}, group]
        run(optimizer, [first, other], range(2, 5))
        found.append(values([first, other]))
    close(*found)


CHANGES: dict[str, Callable[[Any, Tensor], object]] = {
    "cleared": lambda o, p: o.state.clear(),
    "deleted": lambda o, p: o.state.pop(p),
    "replaced": lambda o, p: o.state[p].update(exp_avg=torch.full((4, 3), 0.5)),
    "whole": lambda o, p: o.state.update(
        {p: {"step": torch.tensor(7.0), "exp_avg": torch.ones(4, 3), "exp_avg_sq": p.detach() ** 2}}
    ),
    "data": lambda o, p: setattr(o.state[p]["exp_avg_sq"], "data", torch.full((4, 3), 2.0)),
    "step": lambda o, p: o.state[p].update(step=torch.tensor(1.0)),
    "in place": lambda o, p: o.state[p]["exp_avg"].zero_(),
    "step in place": lambda o, p: o.state[p]["step"].fill_(9),
    "step added": lambda o, p: o.state[p]["step"].add_(5),
    "transposed": lambda o, p: o.state[p].update(exp_avg=torch.arange(12.0).reshape(3, 4).T),
    "swapped": lambda o, p: torch.utils.swap_tensors(  # type: ignore[no-untyped-call]
        o.state[p]["exp_avg"], torch.ones(4, 3)
    ),
    "set": lambda o, p: o.state[p]["exp_avg"].set_(torch.full((4, 3), 3.0)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_states_that_users_change_count(change: Callable[[Any, Tensor], object]) -> None:
    found = []
    for module in MODULES:
        params = params_of((4, 3), (5,))
        optimizer = module.Adam(params, lr=0.1)
        run(optimizer, params, range(3))
        change(optimizer, params[0])
        run(optimizer, params, range(3, 5))
        found.append([values(params), [dict(optimizer.state[p]) for p in params]])
    for own in found[1][1]:
        own["step"] = own["step"].float()
    close(*found)


def test_a_number_of_updates_may_be_a_number() -> None:
    params, others = params_of((4,)), params_of((4,))
    one, other = fused.Adam(params), fused.Adam(others)
    run(one, params, range(2))
    run(other, others, range(2))
    one.state[params[0]]["step"] = 30
    other.state[others[0]]["step"].fill_(30)
    run(one, params, range(2, 4))
    run(other, others, range(2, 4))
    assert_equal(params, others)


def test_a_tensor_that_was_put_in_is_the_one_that_is_updated() -> None:
    params = params_of((4,))
    optimizer = fused.Adam(params)
    run(optimizer, params, range(1))
    mean, square = torch.zeros(4), optimizer.state[params[0]]["exp_avg_sq"]
    optimizer.state[params[0]]["exp_avg"] = mean
    run(optimizer, params, range(1, 2))
    assert optimizer.state[params[0]]["exp_avg"] is mean
    assert optimizer.state[params[0]]["exp_avg_sq"] is square
    assert mean.abs().min() > 0
    params[0].data = params[0].detach().clone()
    before = square.clone()
    run(optimizer, params, range(2, 3))
    assert not torch.equal(square, before)


BAD: dict[str, tuple[str, Any, type[Exception], str]] = {
    "shape": ("exp_avg", torch.zeros(3), ValueError, "shape"),
    "integers": ("exp_avg", torch.zeros(4, dtype=torch.int32), TypeError, "floating-point"),
    "a number": ("exp_avg", 1.0, TypeError, "tensor"),
    "negative": ("step", -1, ValueError, "whole number"),
    "several": ("step", torch.ones(2), ValueError, "one number"),
    "no number": ("step", "three", TypeError, "number"),
}


@pytest.mark.parametrize(("name", "value", "error", "match"), BAD.values(), ids=BAD)
def test_states_that_do_not_fit_are_refused_before_anything_changes(
    name: str, value: Any, error: type[Exception], match: str
) -> None:
    params = params_of((4,))
    optimizer = fused.Adam(params)
    run(optimizer, params, range(2))
    own = optimizer.state[params[0]]
    kept, before, state = own[name], values(params), {k: v.clone() for k, v in own.items()}
    own[name] = value
    for _ in range(2):
        with pytest.raises(error, match=match):
            optimizer.step()
    own[name] = kept
    assert_equal(values(params), before)
    assert all(torch.equal(own[key], state[key]) for key in state)
    run(optimizer, params, range(2, 3))
    assert own["step"] == 3


def test_a_count_that_goes_below_zero_in_place_is_refused() -> None:
    params = params_of((4,))
    optimizer = fused.Adam(params)
    run(optimizer, params, range(2))
    optimizer.state[params[0]]["step"].sub_(5)
    before = values(params)
    with pytest.raises(ValueError, match="from 0 on"):
        optimizer.step()
    assert_equal(values(params), before)


def test_states_in_one_memory_are_refused() -> None:
    params = params_of((4,))
    optimizer = fused.Adam(params)
    run(optimizer, params, range(1))
    own = optimizer.state[params[0]]
    own["exp_avg"] = own["exp_avg_sq"]
    with pytest.raises(ValueError, match="share memory"):
        optimizer.step()


@pytest.mark.parametrize("kind", WITH_STATE.values(), ids=WITH_STATE)
def test_a_state_is_there_from_the_first_gradient_on(kind: type[fused.FusedOptimizer]) -> None:
    one, other = params_of((3,), (4,))
    optimizer = kind([one, other], lr=0.1)
    assert not optimizer.state
    run(optimizer, [one], range(2))
    assert set(optimizer.state) == {one}
    run(optimizer, [one, other], range(2, 3))
    assert set(optimizer.state) == {one, other}
    assert optimizer.state[other]["step"] == 1


def test_what_users_keep_beside_states_stays_theirs() -> None:
    params, others = params_of((4,)), params_of((4,))
    one: Any = fused.Adam(params)
    other = fused.Adam(others)
    for number in range(4):
        one.state[params[0]]["seen"] = number
        one.state["all"] = {"seen": number}
        run(one, params, range(number, number + 1))
        run(other, others, range(number, number + 1))
    assert_equal(values(params), values(others))
    model = one._parameters
    one.state["all"] = 4
    run(one, params, range(4, 5))
    # Nothing is made anew for them.
    assert one._parameters is model
    again: Any = fused.Adam(params)
    again.load_state_dict(one.state_dict())
    assert again.state["all"] == 4
    assert again.state[params[0]]["seen"] == 3


@pytest.mark.parametrize("kind", WITH_STATE.values(), ids=WITH_STATE)
def test_a_parameter_that_moves_takes_its_state_along(kind: type[fused.FusedOptimizer]) -> None:
    params, others = params_of((4,), (3,)), params_of((4,), (3,))
    one, other = kind(params, lr=0.1), kind(others, lr=0.1)
    run(one, params, range(2))
    run(other, others, range(2))
    moved = one.param_groups[0]["params"].pop()
    one.add_param_group({"params": [moved]})
    run(one, params, range(2, 4))
    run(other, others, range(2, 4))
    assert_equal(values(params), values(others))


def test_a_group_that_moves_between_calls_of_one_update_is_not_forgotten() -> None:
    params, others = params_of((4,), (3,)), params_of((4,), (3,))
    one, other = (fused.Adam(own, gradient_accumulation_steps=2) for own in (params, others))
    for optimizer, own in ((one, params), (other, others)):
        gradients(own, 0)
        optimizer.step()
        own[1].grad = None
        if optimizer is one:
            one.param_groups[0]["params"].reverse()
        optimizer.step()
    assert_equal(values(params), values(others))


@pytest.mark.parametrize("is_taken_over", [True, False])
def test_the_first_gradient_is_undamped_only_where_there_is_no_velocity(
    is_taken_over: bool,
) -> None:
    arguments: dict[str, Any] = {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}
    theirs, ours = params_of((4,)), params_of((4,))
    one = torch.optim.SGD(theirs, **arguments)
    other = fused.SGD(ours, **arguments)
    if is_taken_over:
        run(one, theirs, range(3))  # type: ignore[arg-type]
        ours[0].data.copy_(theirs[0].detach())
        other.load_state_dict(one.state_dict())
    else:
        one.param_groups[0]["momentum"] = other.param_groups[0]["momentum"] = 0.0
        run(one, theirs, range(3))  # type: ignore[arg-type]
        run(other, ours, range(3))
        one.param_groups[0]["momentum"] = other.param_groups[0]["momentum"] = 0.9
    run(one, theirs, range(3, 8))  # type: ignore[arg-type]
    run(other, ours, range(3, 8))
    close(ours[0], theirs[0])
