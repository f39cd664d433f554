"""Groups by name: first-match patterns beside groups that are written by hand."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import pytest
import torch
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_state_dict,
    set_state_dict,
)
from torch.optim.lr_scheduler import LambdaLR

import optgen.torch as fused
from tests.torch.training import assert_equal, gradients, values

RULES: list[tuple[str, dict[str, Any]]] = [
    ("*norm*|*bias", {"weight_decay": 0}),
    ("body.*", {"lr": 0.5}),
    ("emb?d.*", {"eps": 0.1}),
]


def network() -> Any:
    torch.manual_seed(0)
    return torch.nn.ModuleDict(
        {
            "embed": torch.nn.Embedding(9, 4),
            "norm": torch.nn.LayerNorm(4),
            "body": torch.nn.Linear(4, 3),
            "head": torch.nn.Linear(3, 2),
        }
    )


def by_hand(model: torch.nn.Module) -> list[dict[str, Any]]:
    """What the rules say, as groups of torch."""
    own = dict(model.named_parameters())
    names = [
        ["head.weight"],
        ["norm.weight", "norm.bias", "body.bias", "head.bias"],
        ["body.weight"],
        ["embed.weight"],
    ]
    options: list[dict[str, Any]] = [{}, *(options for _, options in RULES)]
    pairs = zip(names, options, strict=True)
    return [{"params": [(name, own[name]) for name in some], **more} for some, more in pairs]


def train(optimizer: Any, steps: range) -> None:
    for number in steps:
        gradients([p for group in optimizer.param_groups for p in group["params"]], number)
        optimizer.step()


def test_the_first_pattern_that_fits_gives_the_options() -> None:
    ours, theirs = network(), network()
    one = fused.AdamW(ours.named_parameters(), lr=0.1, weight_decay=0.2, rules=RULES)
    other = torch.optim.AdamW(by_hand(theirs), lr=0.1, weight_decay=0.2)
    for group, expected in zip(one.param_groups, other.param_groups, strict=True):
        assert group["param_names"] == expected["param_names"]
        for name in ("lr", "weight_decay", "eps", "betas"):
            assert group[name] == expected[name]
    train(one, range(3))
    train(other, range(3))
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-5, atol=1e-6)


def test_rules_divide_each_group_and_those_that_come_later() -> None:
    model = network()
    groups = [
        {"params": model["body"].named_parameters(), "lr": 0.3},
        {"params": model["norm"].named_parameters(), "weight_decay": 0.5},
    ]
    optimizer = fused.AdamW(groups, rules={"bias": {"weight_decay": 0.1}})
    optimizer.add_param_group({"params": [*model["head"].named_parameters()], "lr": 0.7})
    found = [(g["lr"], g["weight_decay"], g.get("rule")) for g in optimizer.param_groups]
    assert found == [
        *((0.3, 0.01, None), (0.3, 0.1, "bias")),
        *((0.001, 0.5, None), (0.001, 0.1, "bias")),
        *((0.7, 0.01, None), (0.7, 0.1, "bias")),
    ]


def test_schedulers_files_copies_and_pickles_keep_the_groups() -> None:
    model = network()
    optimizer = fused.AdamW(model.named_parameters(), rules=RULES)
    scheduler = LambdaLR(optimizer, lambda epoch: 0.5**epoch)
    train(optimizer, range(2))
    scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == [0.0005, 0.0005, 0.25, 0.0005]
    saved = optimizer.state_dict()
    others = [fused.AdamW(network().named_parameters(), rules=RULES)]
    others[0].load_state_dict(saved)
    others += [copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))]
    train(optimizer, range(2, 4))
    for other in others:
        assert [g.get("rule") for g in other.param_groups] == [None, *(r for r, _ in RULES)]
        for group, own in zip(other.param_groups, optimizer.param_groups, strict=True):
            assert group["lr"] == own["lr"]
    for other in others[1:]:
        train(other, range(2, 4))
        pairs = zip(other.param_groups, optimizer.param_groups, strict=True)
        for group, own in pairs:
            assert_equal(values(group["params"]), values(own["params"]))
        other.add_param_group({"params": [("new.bias", torch.ones(3).requires_grad_())]})
        assert other.param_groups[-1]["weight_decay"] == 0


@pytest.mark.parametrize("flat", [False, True])
def test_distributed_checkpoints_keep_the_groups(flat: bool) -> None:
    """As dictionaries by name, which torch makes for files."""
    options = StateDictOptions(flatten_optimizer_state_dict=flat)
    model, other = network(), network()
    one, two = (fused.AdamW(m.named_parameters(), lr=0.2, rules=RULES) for m in (model, other))
    train(one, range(2))
    two.param_groups[1]["weight_decay"] = 0.7
    found = get_state_dict(model, one, options=options)
    own: dict[str, Any] = {"model_state_dict": found[0], "optim_state_dict": found[1]}
    set_state_dict(other, two, **own, options=options)
    for group, loaded in zip(one.param_groups, two.param_groups, strict=True):
        assert group.get("rule") == loaded.get("rule")
        assert group["weight_decay"] == loaded["weight_decay"]
    for param, its in zip(model.parameters(), other.parameters(), strict=True):
        assert_equal([*one.state[param].values()], [*two.state[its].values()])


def test_a_state_of_torchs_class_leaves_the_rules() -> None:
    theirs = torch.optim.AdamW(by_hand(network()))
    train(theirs, range(1))
    optimizer = fused.AdamW(network().named_parameters(), rules=RULES)
    optimizer.load_state_dict(theirs.state_dict())
    assert optimizer.routing().groups[1].rule == "*norm*|*bias"


def test_the_routing_table_has_rules_options_branches_and_bytes() -> None:
    model = torch.nn.ModuleDict({"table": torch.nn.Embedding(9, 4), "body": torch.nn.Linear(4, 3)})
    rules: Any = [("table*", {"matrix": False}), ("*.bias", {"lr": 0.5})]
    optimizer = fused.Adafactor(model.named_parameters(), rules=rules)
    train(optimizer, range(1))
    found = optimizer.routing()
    assert [(one.path, one.group, one.updated) for one in found] == [
        *(("body.weight", 0, "matrix"), ("table.weight", 1, "not matrix")),
        ("body.bias", 2, "not matrix"),
    ]
    assert [one.rule for one in found.groups] == ["", "table*", "*.bias"]
    assert [one.elements for one in found.groups] == [12, 36, 3]
    assert [one.options["lr"] for one in found.groups] == [0.01, 0.01, 0.5]
    held = {p: [v for k, v in s.items() if k != "step"] for p, s in optimizer.state.items()}
    sizes = [sum(value.nbytes for value in held[p]) for _, p in _in_order(optimizer)]
    assert [one.nbytes for one in found] == sizes
    assert pickle.loads(pickle.dumps(found)) == found
    assert copy.copy(found).groups == found.groups
    lines = str(found).splitlines()
    assert lines[2].split()[:5] == ["1", "table*", "1", "36", "lr=0.01"]
    assert lines[2].split()[-3:] == ["not", "matrix", str(sizes[1])]
    words = lines[7].split()
    assert words[:1] + words[-2:] == ["table.weight", "1", str(sizes[1])]


def test_the_routing_table_says_which_rule_updates() -> None:
    rules = [("embed*|head.weight", {"matrix": False}), ("*bias", {"fallback_learning_rate": 0.5})]
    found = fused.Muon(network().named_parameters(), rules=rules).routing()
    assert [one.updated for one in found.groups] == [
        *(("fallback", "matrix"), ("fallback",), ("fallback",)),
    ]


def _in_order(optimizer: Any) -> list[tuple[str, torch.Tensor]]:
    groups = optimizer.param_groups
    return [pair for g in groups for pair in zip(g["param_names"], g["params"], strict=True)]


def test_rules_of_no_use_are_warned_of() -> None:
    more = [*RULES, ("norm.bias", {}), ("tail*", {})]
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        fused.AdamW(network().named_parameters(), rules=more)
    assert [str(one.message) for one in found] == [
        "AdamW: rules: 'norm.bias' is of no use: earlier rules have what it fits",
        "AdamW: rules: 'tail*' is of no use: no parameter fits",
    ]
    assert {one.filename for one in found} == {__file__}


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "unknown option": ([("*", {"weight_decoy": 0})], ValueError, "did you mean 'weight_decay'"),
    "whole": ([("*", {"clipnorm": 1})], ValueError, "sets 'clipnorm', which no group has"),
    "no matrices": ([("*", {"matrix": False})], ValueError, "sets 'matrix', which no group has"),
    "no pair": (["*"], TypeError, "pairs of a pattern and a dictionary, not '*'"),
    "no options": ([("*", 0.1)], TypeError, "pairs of a pattern and a dictionary"),
    "value": ([("*", {"lr": -1})], ValueError, "learning_rate = -1 is out of range"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_rules_that_say_nothing_are_refused(case: Any) -> None:
    rules, error, message = case
    with pytest.raises(error, match=message):
        fused.AdamW(network().named_parameters(), rules=rules)


def test_rules_need_names() -> None:
    with pytest.raises(ValueError, match=r"pass model.named_parameters\(\)"):
        fused.AdamW(network().parameters(), rules=RULES)
    optimizer = fused.AdamW(network().named_parameters(), rules=RULES)
    with pytest.raises(ValueError, match="rules are patterns for names"):
        optimizer.add_param_group({"params": [torch.ones(3).requires_grad_()]})
    assert len(optimizer.param_groups) == 4
