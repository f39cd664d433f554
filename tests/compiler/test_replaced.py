"""A rule with its own meaning of a feature's argument."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen
from optgen.compiler.ir.problem import Problem
from optgen.compiler.pipeline import plan_of
from optgen.compiler.project import read_project
from tests.compiler.project_results import results

#: Decay that is inside the step, as in LAMB.
RULE = '''
name = "Inside"
[hyperparameters]
learning_rate = { default = 0.5 }
pull = { default = 1.0 }
weight_decay = { default = 0.25, replaces = "weight_decay", range = "weight_decay >= 0" }
[update]
rule = """
direction = pull*sign(grad) + weight_decay*param
change = learning_rate*direction/norm(direction)
"""
'''


def problems(folder: Path, text: str) -> tuple[Problem, ...]:
    (folder / "spec.toml").write_text(text, encoding="utf-8")
    project = read_project([folder / "spec.toml"])
    return (*results(project, plan_of).problems, *project.warnings)


@pytest.fixture(scope="module")
def optimizer() -> Any:
    return optgen.compile(RULE)


def test_the_place_of_the_argument_is_that_of_the_feature(optimizer: Any) -> None:
    # An argument of the rule's own would stand before those of features.
    names = [*inspect.signature(optgen.compile("sgd")).parameters]
    own = [*inspect.signature(optimizer).parameters]
    assert own[:3] == ["learning_rate", "pull", "weight_decay"]
    assert own[2:] == names[names.index("weight_decay") :]


def test_the_rule_gives_it_a_meaning_and_features_stay_out(optimizer: Any) -> None:
    draw = np.random.default_rng(0)
    weights = draw.normal(size=9)
    expected = weights.copy()
    made = optimizer(pull=2.0)
    for _ in range(3):
        gradient = draw.normal(size=9)
        made.apply([gradient], [weights])
        direction = 2 * np.sign(gradient) + 0.25 * expected
        expected -= 0.5 * direction / np.sqrt((direction**2).sum())
    np.testing.assert_allclose(weights, expected, rtol=1e-13)


def test_variables_are_excluded_as_from_the_feature(optimizer: Any) -> None:
    weights, others = np.full(4, 2.0), np.full(4, 2.0)
    made = optimizer()
    made.exclude_from_weight_decay(var_list=[others])
    made.build([weights, others])
    made.apply([np.array([1.0, 1.0, -1.0, 1.0])] * 2, [weights, others])
    whole = np.array([1.5, 1.5, -0.5, 1.5])
    np.testing.assert_allclose(weights, 2 - 0.5 * whole / np.sqrt((whole**2).sum()), rtol=1e-13)
    np.testing.assert_allclose(others, 2 - 0.25 * np.array([1.0, 1.0, -1.0, 1.0]), rtol=1e-13)


def test_other_features_are_still_there(optimizer: Any) -> None:
    weights = np.ones(2)
    optimizer(l2_penalty=0.5, clipnorm=1.0).apply([np.ones(2)], [weights])
    assert (weights < 1).all()


MISTAKES = {
    "no such feature": (
        'replaces = "weight_decay"',
        'replaces = "weight_decya"',
        "there is no feature 'weight_decya' to replace",
    ),
    "another name": (
        "weight_decay",
        "decay",
        "the feature 'weight_decay' has no argument 'decay'",
    ),
    "a part of a feature": (
        "weight_decay",
        "use_ema",
        "the feature 'average' keeps states or skips updates",
    ),
    "another kind": (
        "weight_decay",
        "maximize",
        "'maximize' of the feature 'maximize' is a switch",
    ),
}
FEATURES = {"use_ema": "average", "maximize": "maximize", "decay": "weight_decay"}


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES.values(), ids=MISTAKES)
def test_misuse_is_told(old: str, new: str, message: str, tmp_path: Path) -> None:
    text = RULE.replace(old, new)
    if new in FEATURES:
        text = text.replace(f'replaces = "{new}"', f'replaces = "{FEATURES[new]}"')
    found = problems(tmp_path, text)
    told = [problem for problem in found if message in problem.message]
    assert told, [str(problem) for problem in found]
    assert "replaces" in told[0].location.text


def test_a_feature_replaces_none(tmp_path: Path) -> None:
    text = RULE.replace('name = "Inside"', 'name = "inside"\nslot = "orient"').replace(
        "change", "grad"
    )
    assert any("unknown key 'replaces'" in one.message for one in problems(tmp_path, text))
