"""``optgen.create`` beside timm's ``create_optimizer_v2``."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import optgen
import optgen.torch
from optgen.names.aliases import named
from optgen.torch.model_groups import layers_of
from tests.examples.launch import declare_missing

Parameters = list[torch.nn.Parameter]


@pytest.fixture(scope="module")
def timm() -> Any:
    declare_missing()
    pytest.importorskip("timm.optim")
    return pytest.importorskip("timm")


@pytest.fixture(scope="module")
def model(timm: Any) -> torch.nn.Module:
    """A transformer that lists names without decay, and has a frozen parameter."""
    torch.manual_seed(0)
    options = {"img_size": 16, "patch_size": 8, "embed_dim": 12, "depth": 3, "num_heads": 2}
    made: torch.nn.Module = timm.models.VisionTransformer(num_classes=3, **options)
    made.get_parameter("blocks.0.norm1.bias").requires_grad_(False)
    return made


def told(optimizer: torch.optim.Optimizer, scale: float = 0.0) -> dict[int, tuple[float, Any]]:
    """Of each parameter its decay, and its rate: what timm's is multiplied by, or ours."""
    return {
        id(param): (
            group["weight_decay"],
            pytest.approx(group["lr"] / scale if scale else group.get("lr_scale", 1.0)),
        )
        for group in optimizer.param_groups
        for param in group["params"]
    }


@pytest.mark.parametrize("more", [{}, {"layer_decay": 0.7}], ids=str)
@pytest.mark.parametrize(("name", "decay"), [("adamw", 0.05), ("adamw", 0.0), ("adam", 0.05)])
def test_groups_are_those_of_timm(
    timm: Any, model: torch.nn.Module, more: dict[str, Any], name: str, decay: float
) -> None:
    theirs = timm.optim.create_optimizer_v2(model, name, lr=0.5, weight_decay=decay, **more)
    ours = optgen.create(name, model, lr=0.5, weight_decay=decay, **more)
    assert type(ours).__name__ == type(theirs).__name__
    assert told(ours, scale=0.5) == told(theirs)
    shown = [name for group in ours.param_groups for name in group["param_names"]]
    assert {*shown} == {name for name, one in model.named_parameters() if one.requires_grad}


@pytest.mark.parametrize("name", ["resnet10t", "convnext_atto", "beit_base_patch16_224"])
def test_layers_are_those_of_timm(timm: Any, name: str) -> None:
    with torch.device("meta"):
        model = timm.create_model(name, num_classes=2)
    theirs = timm.models.group_parameters(model, model.group_matcher(coarse=False), reverse=True)
    assert layers_of(model) == theirs


def test_a_step_is_that_of_timm_s_optimizer(timm: Any, model: torch.nn.Module) -> None:
    """timm's schedules multiply rates by ``lr_scale``; here the rate of a group has it already."""
    theirs = timm.optim.create_optimizer_v2(
        model, "adamw", lr=0.01, weight_decay=0.1, layer_decay=0.5
    )
    ours = optgen.create("adamw", model, lr=0.01, weight_decay=0.1, layer_decay=0.5)
    for group in theirs.param_groups:
        group["lr"] *= group["lr_scale"]
    params = [param for param in model.parameters() if param.requires_grad]
    start = [param.detach().clone() for param in params]
    ends = []
    for optimizer in (theirs, ours):
        with torch.no_grad():
            for param, value in zip(params, start, strict=True):
                param.copy_(value)
        for _ in range(3):
            optimizer.zero_grad()
            sum((param**2).sum() for param in params).backward()  # type: ignore[union-attr]
            optimizer.step()
        ends.append([param.detach().clone() for param in params])
    for one, other in zip(*ends, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


def test_timm_s_names_have_its_choices(timm: Any) -> None:
    known = 0
    for name in timm.optim.list_optimizers():
        one, info = named(name), timm.optim.get_optimizer_info(name)
        # A rule of its own has its choices in the formulas.
        if one is None or one.rule == name:
            continue
        known += 1
        chosen = dict(info.defaults or {})
        assert ("cautious" in one.arguments) == chosen.get("caution", False), name
        corrected = chosen.get("corrected_weight_decay", False)
        assert ("corrected_weight_decay" in one.arguments) == corrected, name
        assert "8bit" not in name or one.arguments["state_dtype"] == "int8"
    assert known > 30


def linear(names: str = "abc") -> torch.nn.ModuleDict:
    return torch.nn.ModuleDict({name: torch.nn.Linear(2, 2) for name in names})


def test_names_without_decay_may_be_given_or_none_at_all() -> None:
    model = linear()
    one = optgen.create("adamw", model, no_decay=["a.*"])
    assert [group["weight_decay"] for group in one.param_groups] == [0.0, 0.01]
    assert one.param_groups[0]["param_names"] == ["a.weight", "a.bias", "b.bias", "c.bias"]
    every = optgen.create("adamw", model, no_decay=False)
    assert len(every.param_groups) == 1
    assert len(optgen.create("lion", model).param_groups) == 1


def test_layers_by_numbers() -> None:
    blocks = torch.nn.ModuleList([torch.nn.Linear(2, 2) for _ in range(2)])
    parts = {"embed": torch.nn.Embedding(3, 2), "h": blocks, "head": torch.nn.Linear(2, 3)}
    model = torch.nn.ModuleDict(parts)
    optimizer = optgen.create("sgd", model, lr=0.5, layer_decay=0.5)
    rates = {
        name: group["lr"]
        for group in optimizer.param_groups
        for name in group["param_names"]
        if name.endswith("weight")
    }
    assert rates == {"embed.weight": 0.0625, "h.0.weight": 0.125} | {
        "h.1.weight": 0.25,
        "head.weight": 0.5,
    }


@pytest.fixture
def weights() -> Parameters:
    return [torch.nn.Parameter(torch.tensor([1.0, 2.0]))]


def test_an_alias_is_its_rule_with_arguments(weights: Parameters) -> None:
    optimizer = optgen.create("cautious_lion_8bit", weights, lr=0.5, weight_decay=0.25)
    assert type(optimizer).__name__ == "Lion"
    assert optimizer.param_groups[0]["cautious"] is True
    assert optimizer.param_groups[0]["weight_decay"] == 0.25
    assert optimizer._storage["state_dtype"] == "int8"
    weights[0].grad = torch.ones(2)
    optimizer.step()
    assert torch.allclose(weights[0], torch.tensor([1 - 0.5 - 0.125, 2 - 0.5 - 0.25]))


def test_torch_s_names_mean_torch_s_formulas(weights: Parameters) -> None:
    for name in ("SGD", "adamw", "rmsprop", "adadelta", "torchadamw", "fused_adam"):
        kind = type(optgen.create(name, weights))
        assert kind is getattr(optgen.torch, kind.__name__)
        assert hasattr(torch.optim, kind.__name__)


def test_hyperparameters_of_aliases_become_torch_s_arguments(weights: Parameters) -> None:
    optimizer = optgen.create("nesterov", weights, lr=0.1)
    theirs = torch.optim.SGD(weights, lr=0.1, momentum=0.9, nesterov=True)
    ours = optimizer.param_groups[0]
    assert {**theirs.param_groups[0], **ours} == ours
    for key in ("momentum", "nesterov", "lr", "dampening", "weight_decay"):
        assert ours[key] == theirs.param_groups[0][key]


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("adamww", {}, "no optimizer 'adamww'; did you mean"),
        ("lion", {"learning_rate": 0.5}, "Lion has no argument 'learning_rate'; here it is 'lr'"),
        ("lion", {"betta_1": 0.5}, "Lion has no argument 'betta_1'; did you mean 'beta_1'"),
        ("lion", {"layer_decay": 0.5}, "layer_decay needs the model"),
    ],
)
def test_what_is_refused(weights: Parameters, name: str, more: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        optgen.create(name, weights, **more)
