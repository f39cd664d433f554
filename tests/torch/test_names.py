"""Named parameters: groups, files and hooks beside torch's own classes."""

from __future__ import annotations

import copy
import warnings
from itertools import pairwise
from typing import Any

import pytest
import torch

import optgen.torch as fused
from tests.torch.training import assert_equal, gradients, values

Tensor = torch.Tensor
MODULES = (torch.optim, fused)


def model_of(*sizes: int) -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(*(torch.nn.Linear(*pair) for pair in pairwise(sizes)))


def train(optimizer: Any, steps: range) -> None:
    """The gradient of a parameter depends on its shape alone."""
    for number in steps:
        for group in optimizer.param_groups:
            for param in group["params"]:
                gradients([param], number + param.numel())
        optimizer.step()


def close(one: Any, other: Any) -> None:
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def groups_of(optimizer: Any) -> list[Any]:
    """What torch's class knows of groups, as files hold it."""
    known = ("params", "param_names", "lr", "betas", "eps", "weight_decay", "amsgrad", "maximize")
    found = optimizer.state_dict()["param_groups"]
    return [{name: group[name] for name in known if name in group} for group in found]


def test_names_are_in_groups_and_files() -> None:
    found = []
    for module in MODULES:
        model = model_of(3, 4, 2)
        groups = [
            {"params": model[0].named_parameters(), "lr": 0.5},  # type: ignore[index]
            {"params": [("1.w", model[1].weight), ("1.b", model[1].bias)]},  # type: ignore[index]
        ]
        optimizer = module.AdamW(groups)
        train(optimizer, range(1))
        found.append(groups_of(optimizer))
        assert {*optimizer.state} == {*model.parameters()}
        with pytest.raises(ValueError, match="should be with/without names"):
            optimizer.add_param_group({"params": [torch.ones(1).requires_grad_()]})
        with pytest.raises(ValueError, match=r"with/without names\. Some param names are missing"):
            module.AdamW([("a", torch.ones(1).requires_grad_()), torch.ones(2).requires_grad_()])
    assert found[0] == found[1]


@pytest.mark.parametrize("names", [("saved", "own"), ("saved", None), (None, "own")])
def test_names_of_a_file_count_as_with_torchs_class(names: tuple[str | None, str | None]) -> None:
    """Entries are loaded by their order, whatever the names; names of the file replace others."""
    found = []
    for module in MODULES:
        optimizers = []
        for prefix in names:
            own = model_of(3, 4).parameters()
            named = ((f"{prefix}.{number}", param) for number, param in enumerate(own))
            optimizers.append(module.AdamW(list(named) if prefix else own))
        train(optimizers[0], range(2))
        optimizers[1].load_state_dict(optimizers[0].state_dict())
        train(optimizers[1], range(2, 3))
        params = optimizers[1].param_groups[0]["params"]
        found.append((groups_of(optimizers[1]), values(params)))
    assert found[0][0] == found[1][0]
    close(found[0][1], found[1][1])


def test_missing_and_surplus_groups_are_refused_as_with_torchs_class() -> None:
    for module in MODULES:
        saved = module.AdamW(model_of(3, 4, 2).named_parameters()).state_dict()
        with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
            module.AdamW(model_of(3, 4).named_parameters()).load_state_dict(saved)
        groups = [{"params": [pair]} for pair in model_of(3, 4, 2).named_parameters()]
        with pytest.raises(ValueError, match="different number of parameter groups"):
            module.AdamW(groups).load_state_dict(saved)


def test_a_missing_state_begins_anew_as_with_torchs_class() -> None:
    found = []
    for module in MODULES:
        model = model_of(3, 4)
        optimizer = module.AdamW(model.named_parameters())
        train(optimizer, range(2))
        saved = copy.deepcopy(optimizer.state_dict())
        del saved["state"][0]
        optimizer.load_state_dict(saved)
        assert [*optimizer.state] == [[*model.parameters()][1]]
        train(optimizer, range(2, 4))
        found.append(
            [
                values([*model.parameters()]),
                [float(optimizer.state[p]["step"]) for p in model.parameters()],
            ]
        )
    close(*found)


def adapted(optimizer: Any, state_dict: dict[str, Any]) -> dict[str, Any]:
    """The hook in torch's documentation that loads by names, for one group."""
    found: dict[str, Any] = copy.deepcopy(optimizer.state_dict())
    for key, value in state_dict["param_groups"][0].items():
        if key not in ("params", "param_names"):
            found["param_groups"][0][key] = value
    saved = state_dict["param_groups"][0]["param_names"]
    own = optimizer.state_dict()["param_groups"][0]
    for number, name in zip(own["params"], own["param_names"], strict=True):
        if name in saved:
            place = state_dict["param_groups"][0]["params"][saved.index(name)]
            found["state"][number] = copy.deepcopy(state_dict["state"][place])
    return found


def reordered(module: Any, hook: Any) -> tuple[list[Tensor], Any]:
    """A run goes on with its parameters in another order."""
    model = model_of(4, 4, 4)
    optimizer = module.AdamW(model.named_parameters(), lr=0.1)
    train(optimizer, range(3))
    backwards = [*model.named_parameters()][::-1]
    other = module.AdamW(backwards, lr=0.7)
    other.register_load_state_dict_pre_hook(hook)
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["lr"] == 0.1
    assert other.param_groups[0]["param_names"] == [name for name, _ in backwards]
    for name, param in backwards:
        assert torch.equal(other.state[param]["exp_avg"], optimizer.state[param]["exp_avg"]), name
    train(other, range(3, 5))
    return values([*model.parameters()]), other.state_dict()["param_groups"]


@pytest.mark.parametrize("hook", [adapted, fused.match_names], ids=["documentation", "ours"])
def test_a_hook_loads_by_names(hook: Any) -> None:
    theirs, ours = reordered(torch.optim, adapted), reordered(fused, hook)
    close(ours[0], theirs[0])
    assert [group["lr"] for group in ours[1]] == [group["lr"] for group in theirs[1]]


@pytest.mark.parametrize("module", MODULES)
def test_other_groups_take_the_states_of_their_parameters(module: Any) -> None:
    model = model_of(3, 4, 2)
    own = dict(model.named_parameters())
    one = module.AdamW([{"params": [*own.items()][:2], "lr": 0.1}, {"params": [*own.items()][2:]}])
    train(one, range(2))
    groups = [[name for name in own if name.endswith(end)] for end in ("bias", "weight")]
    groups.append(["new"])
    own["new"] = torch.ones(7).requires_grad_()  # type: ignore[assignment]
    lists: list[Any] = [{"params": [(name, own[name]) for name in some]} for some in groups]
    lists[0]["params"].pop(0)
    other = module.AdamW(lists, lr=0.3)
    other.register_load_state_dict_pre_hook(fused.match_names)
    message = r"'new' begin anew, without a saved state; the states of '0.bias' are left out"
    with pytest.warns(UserWarning, match=message):
        other.load_state_dict(one.state_dict())
    # The first group has parameters of one saved group, the others of several or of none.
    assert [group["lr"] for group in other.param_groups] == [0.001, 0.3, 0.3]
    for name in ("1.bias", "0.weight", "1.weight"):
        assert torch.equal(other.state[own[name]]["exp_avg"], one.state[own[name]]["exp_avg"])
    assert own["new"] not in other.state
    train(other, range(2, 3))


def test_a_file_of_other_rules_is_loaded_by_names() -> None:
    """The groups that rules make may differ from run to run."""
    model = model_of(3, 4, 2)
    rules = [{"*.bias": {"weight_decay": 0}}, {"1.*": {"lr": 0.2}, "*.weight": {"eps": 0.1}}]
    one, other = (fused.AdamW(model.named_parameters(), rules=some) for some in rules)
    train(one, range(2))
    other.register_load_state_dict_pre_hook(fused.match_names)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other.load_state_dict(one.state_dict())
    for param in model.parameters():
        assert_equal([*other.state[param].values()], [*one.state[param].values()])


def test_names_must_be_there_and_unique() -> None:
    model = model_of(3, 4)
    named = fused.AdamW(model.named_parameters())
    named.register_load_state_dict_pre_hook(fused.match_names)
    with pytest.raises(ValueError, match="the parameters of a group have none"):
        named.load_state_dict(fused.AdamW(model.parameters()).state_dict())
    twice = fused.AdamW([("a", param) for param in model.parameters()])
    with pytest.raises(ValueError, match="two parameters of the state dictionary have the same"):
        named.load_state_dict(twice.state_dict())


def test_a_group_has_torchs_names() -> None:
    params = [torch.nn.Parameter(torch.ones(2)) for _ in range(2)]
    groups = [{"params": params[:1]}, {"params": params[1:], "learning_rate": 0.5}]
    with pytest.raises(ValueError, match="Adam: group 1 has 'learning_rate', which is 'lr' here"):
        fused.Adam(groups)
    optimizer = fused.Adam(params[:1])
    with pytest.raises(ValueError, match="group 1 has 'beta_1', which is 'betas' here"):
        optimizer.add_param_group({"params": params[1:], "beta_1": 0.5})
    assert len(optimizer.param_groups) == 1
