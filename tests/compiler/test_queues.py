"""Queues: states that keep the last values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen
from optgen.compiler.ir.problem import Problem
from optgen.compiler.pipeline import plan_of
from optgen.compiler.project import read_project
from tests.compiler.project_results import results

RULE = '''
name = "Windowed"
[queues]
window = 3
[hyperparameters]
learning_rate = { default = 0.5 }
[state]
past = { each = "window", doc = "An earlier gradient." }
[update]
rule = """
gone = oldest(past)
past = grad
for age in window:
    part = past/age
total = 0
for age in reversed(window):
    total = total*0.5 + part
change = learning_rate*(total - gone)/len(window)
"""
'''
PUSH = "past = grad\n"
GRADIENTS = np.random.default_rng(0).normal(size=(7, 5))


def after(optimizer: Any) -> np.ndarray[Any, Any]:
    weights = np.zeros(5)
    for gradient in GRADIENTS:
        optimizer.apply([gradient], [weights])
    return weights


def written(folder: Path, text: str) -> Path:
    path = folder / "windowed.toml"
    path.write_text(text, encoding="utf-8")
    return path


def path_of(kept: list[np.ndarray[Any, Any]], length: int) -> np.ndarray[Any, Any]:
    """Where the rule ends up that keeps these gradients."""
    weights, past = np.zeros(5), [np.zeros(5)] * length
    for gradient in kept:
        past, gone = [gradient, *past][:length], past[-1]
        total = sum(one * 0.5**k / (k + 1) for k, one in enumerate(past))
        weights = weights - 0.5 * (total - gone) / length
    return weights


def test_a_queue_keeps_the_last_values() -> None:
    found = after(optgen.compile(RULE, backend="numpy")())
    np.testing.assert_allclose(found, path_of([*GRADIENTS], 3), rtol=1e-12)


def test_a_spec_that_extends_another_may_have_longer_queues(tmp_path: Path) -> None:
    written(tmp_path, RULE)
    longer = tmp_path / "longer.toml"
    text = 'name = "Longer"\nextends = "windowed"\n[queues]\nwindow = 5\n'
    longer.write_text(text, encoding="utf-8")
    found = after(optgen.compile(longer, backend="numpy")())
    np.testing.assert_allclose(found, path_of([*GRADIENTS], 5), rtol=1e-12)
    own = '[update]\nrule = """\nwindowed\nchange = 2*change\n"""\n'
    longer.write_text(text + own, encoding="utf-8")
    found = after(optgen.compile(longer, backend="numpy")())
    np.testing.assert_allclose(found, 2 * path_of([*GRADIENTS], 5), rtol=1e-12)


def test_a_value_is_kept_where_a_condition_holds() -> None:
    rule = RULE.replace(PUSH, "past = where(norm(grad) > 2, grad, past)\n")
    long = [norm > 2 for norm in np.linalg.norm(GRADIENTS, axis=1)]
    assert {*long} == {True, False}
    weights, past = np.zeros(5), [np.zeros(5)] * 3
    for gradient, is_long in zip(GRADIENTS, long, strict=True):
        past, gone = [gradient, *past][:3] if is_long else past, past[-1]
        total = sum(one * 0.5**k / (k + 1) for k, one in enumerate(past))
        weights -= 0.5 * (total - gone) / 3
    found = after(optgen.compile(rule, backend="numpy")())
    np.testing.assert_allclose(found, weights, rtol=1e-12)


def test_what_is_pushed_may_depend_on_the_queue() -> None:
    rule = RULE.replace(PUSH, "past = grad + oldest(past)\n")
    weights, past = np.zeros(5), [np.zeros(5)] * 3
    for gradient in GRADIENTS:
        past, gone = [gradient + past[-1], *past][:3], past[-1]
        total = sum(one * 0.5**k / (k + 1) for k, one in enumerate(past))
        weights -= 0.5 * (total - gone) / 3
    found = after(optgen.compile(rule, backend="numpy")())
    np.testing.assert_allclose(found, weights, rtol=1e-12)


FEATURE = '''
name = "averaged_gradient"
slot = "orient"
when = "averaging"
[queues]
window = 2
[hyperparameters]
averaging = { default = false }
[state]
past = { each = "window" }
[update]
rule = """
past = grad
total = 0
for age in window:
    total = total + past
grad = total/len(window)
"""
'''


def test_features_have_queues(tmp_path: Path) -> None:
    feature = tmp_path / "averaged_gradient.toml"
    feature.write_text(FEATURE, encoding="utf-8")
    found = after(optgen.compile("sgd", feature, backend="numpy")(1.0, averaging=True))
    before = np.vstack([np.zeros(5), GRADIENTS[:-1]])
    np.testing.assert_allclose(found, -(GRADIENTS + before).sum(axis=0) / 2, rtol=1e-12)


MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "no length": ("window = 3", "window = 0", "is a whole number from 1 to 16", "window"),
    "too long": ("window = 3", "window = 17", "is a whole number from 1 to 16", "window"),
    "half a value": ("window = 3", "window = 1.5", "is a whole number from 1 to 16", "window"),
    "a text": ("window = 3", 'window = "3"', "window must be a number", '"3"'),
    "no name": ("window = 3", "window = 3\n_old = 2", "is not a plain name", "_old"),
    "a name twice": ("window = 3", "window = 3\npast = 2", "'past' is declared", "past"),
    "an argument's name": (
        "[hyperparameters]",
        "[hyperparameters]\nwindow = { default = 1 }",
        "'window' is declared",
        "window",
    ),
    "a number for all values": ("change = l", "change = past*l", "'past' is a state of", "past"),
    "the oldest of a number": (
        "oldest(past)",
        "oldest(grad)",
        "takes a state of a",
        "oldest(grad)",
    ),
    "the queue itself": ("oldest(past)", "window*grad", "'window' is a list", "window"),
    "a value behind a loop": ("change = l", "change = part*l", "'part' is not defined", "part"),
}


def problems(path: Path) -> tuple[Problem, ...]:
    return results(read_project([path]), plan_of).problems


@pytest.mark.parametrize(("old", "new", "message", "under"), MISTAKES.values(), ids=MISTAKES)
def test_misuse_is_told(old: str, new: str, message: str, under: str, tmp_path: Path) -> None:
    assert old in RULE
    found = problems(written(tmp_path, RULE.replace(old, new)))
    told = [problem for problem in found if message in problem.message]
    assert told, [str(problem) for problem in found]
    location = told[0].location
    start = location.column - 1
    assert location.text[start : start + location.length] == under


def test_no_other_queue_gets_a_length(tmp_path: Path) -> None:
    written(tmp_path, RULE)
    longer = tmp_path / "longer.toml"
    text = 'name = "Longer"\nextends = "windowed"\n[queues]\nwindwo = 5\n'
    longer.write_text(text, encoding="utf-8")
    (problem,) = problems(longer)
    assert problem.message == "Windowed has no queue 'windwo'"
    assert "window" in problem.hint
