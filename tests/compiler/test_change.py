"""The change of the parameter: left out or written, altered by features, misused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen
from optgen.analysis.compare import compare
from optgen.compiler.ir.expression import Expression, Name, Operation, names, rename, rewrite
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.randomness import DRAWS
from optgen.compiler.library import optimizer_files
from optgen.compiler.pipeline import checked_rule, load_all, plan_of, surroundings
from optgen.compiler.project import read_project
from tests.chosen import rest_in_full
from tests.compiler.project_results import results
from tests.numeric.specs import COVER

RULE = '''
name = "Slow"
[hyperparameters]
learning_rate = {{ default = 0.5 }}
momentum = {{ default = 0.0 }}
[state]
buffer = {{ when = "momentum > 0" }}
[update]
rule = """
if momentum > 0:
    buffer = momentum*buffer + grad
    direction = buffer
else:
    direction = grad
{ending}
"""
'''
ENDINGS = {
    "left out": "change = learning_rate*direction",
    "written": "change = learning_rate*direction\nparam = param - change",
    "without the name": "param = param - learning_rate*direction",
    "added": "param = param + -learning_rate*direction",
}
#: Doubles the change where it has the sign of the parameter, and adds the gradient.
FEATURE = '''
name = "doubled"
slot = "direct"
when = "doubled"
[hyperparameters]
doubled = { default = false }
[update]
rule = """
change = where(change*param > 0, 2*change, change) + learning_rate*grad
"""
'''
AROUND = surroundings()
GRADIENTS = [np.array([1.0, -2.0, 0.5]), np.array([-0.25, 4.0, 1.0])]


def problems(folder: Path, *texts: str) -> tuple[Problem, ...]:
    for number, text in enumerate(texts):
        (folder / f"spec{number}.toml").write_text(text, encoding="utf-8")
    project = read_project(sorted(folder.glob("spec*.toml")))
    return results(project, plan_of).problems


def moved(optimizer: Callable[..., Any], **settings: object) -> np.ndarray:
    weights = np.array([1.0, -1.0, 2.0])
    made = optimizer(**settings)
    for gradient in GRADIENTS:
        made.apply([gradient], [weights])
    return weights


def expected(momentum: float, doubled: bool) -> np.ndarray:
    weights, buffer = np.array([1.0, -1.0, 2.0]), np.zeros(3)
    for gradient in GRADIENTS:
        buffer = momentum * buffer + gradient
        change = 0.5 * buffer
        if doubled:
            change = np.where(change * weights > 0, 2 * change, change) + 0.5 * gradient
        weights = weights - change
    return weights


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("momentum", [0.0, 0.75])
def test_features_alter_the_change(ending: str, momentum: float) -> None:
    optimizer = optgen.compile(RULE.format(ending=ending), FEATURE)
    for doubled in (False, True):
        found = moved(optimizer, momentum=momentum, doubled=doubled)
        assert (found == expected(momentum, doubled)).all()


def test_a_feature_gets_the_gradient_that_the_rule_got() -> None:
    text = RULE.format(ending="grad = 3*grad\nchange = learning_rate*direction + 0*grad")
    found = moved(optgen.compile(text, FEATURE), doubled=True)
    assert (found == expected(0.0, True)).all()


def test_forms_of_a_change_are_one_rule(tmp_path: Path) -> None:
    rules = []
    for number, ending in enumerate(ENDINGS.values()):
        path = tmp_path / f"{number}.toml"
        path.write_text(RULE.format(ending=ending), encoding="utf-8")
        rules += [checked_rule(spec) for spec in load_all([path])]
    assert all(compare(rules[0], rule, {}, {}).equal for rule in rules[1:])


def as_woven(expression: Expression, rule: str) -> Expression:
    """An expression without what weaving alters: names that features have too, numbers of draws."""
    plain = {name: name.removeprefix(f"{rule}_") for name in names(expression)}

    def change(part: Expression) -> Expression | None:
        if isinstance(part, Operation) and part.operator in DRAWS:
            return Name(part.operator)
        return None

    return rename(rewrite(expression, change), plain)


@pytest.mark.parametrize(
    "path",
    rest_in_full(optimizer_files(), lambda path: path.stem in COVER),
    ids=lambda path: path.stem,
)
def test_nothing_is_computed_for_a_feature_that_is_not_there(path: Path) -> None:
    (spec,) = load_all([path])
    steps = checked_rule(spec).blocks[0].steps
    own = plan_of(spec, AROUND).rule.own.steps
    alike = [as_woven(step.expression, path.stem) for step in own]
    assert alike == [as_woven(step.expression, path.stem) for step in steps]


MISTAKES = {
    "both": (
        [RULE.format(ending="change = direction\nparam = param - learning_rate*direction")],
        "'change' is what a rule takes off param, and this rule assigns param too",
        "param",
    ),
    "in a branch": (
        [RULE.format(ending="if momentum > 0:\n    change = direction")],
        "'change' has no value under every condition",
        "change",
    ),
    "before it is assigned": (
        [RULE.format(ending="change = 2*change")],
        "a cycle: 'change' is computed from itself",
        "change",
    ),
    "a state": (
        [RULE.format(ending=ENDINGS["left out"]).replace("buffer", "change")],
        "'change' is what a rule takes off the parameter",
        "change",
    ),
    "a hyperparameter": (
        [RULE.format(ending=ENDINGS["left out"]).replace("momentum", "change")],
        "'change' is what a rule takes off the parameter",
        "change",
    ),
    "in another slot": (
        [RULE.format(ending=ENDINGS["left out"]), FEATURE.replace('"direct"', '"clip"')],
        "'change' belongs to slot 'direct'",
        "change",
    ),
    "of a rule without one": (
        [RULE.format(ending="param = learning_rate*direction"), FEATURE],
        "'doubled' alters change, and this rule assigns param itself",
        "param",
    ),
}


@pytest.mark.parametrize(("texts", "message", "under"), MISTAKES.values(), ids=MISTAKES)
def test_misuse_is_told(texts: list[str], message: str, under: str, tmp_path: Path) -> None:
    found = problems(tmp_path, *texts)
    told = [problem for problem in found if message in problem.message]
    assert told, [str(problem) for problem in found]
    location = told[0].location
    start = location.column - 1
    assert location.text[start : start + location.length] == under
