"""Parts of a rule: named in place, replaced by other specs, and taken from several."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen
from optgen.compiler.ir.problem import Problem
from optgen.compiler.pipeline import load_file, plan_of
from optgen.compiler.project import read_project
from tests.compiler.project_results import results

MEANS = '''
name = "Means"
[hyperparameters]
learning_rate = { default = 0.5 }
beta = { default = 0.5, range = "0 <= beta < 1", doc = "Of the first." }
[state]
average = {}
[update]
rule = """
if beta > 0:
    part running:
        average = beta*average + (1 - beta)*grad
        part shown:
            shown = average
else:
    shown = grad
change = learning_rate*shown
"""
'''
SIGNS = '''
name = "Signs"
waive.descent = "a reason"
[hyperparameters]
learning_rate = { default = 0.25 }
beta = { default = 0.75, range = "0 <= beta < 1", doc = "Of the second." }
most = { default = 2.0, range = "most > 0" }
unused = { default = 0.0 }
[state]
largest_one = { invariant = "largest_one >= 0" }
average = { initial = 1 }
[evaluate]
param = "param - average"
[update]
rule = """
average = beta*average + unused*grad
part limited:
    largest_one = max(largest_one, abs(grad))
    direction = grad/max(largest_one, most)
change = learning_rate*direction*average
"""
'''


def written(folder: Path, text: str) -> Path:
    for name, base in (("means", MEANS), ("signs", SIGNS)):
        (folder / f"{name}.toml").write_text(base, encoding="utf-8")
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def run(optimizer: Any, gradients: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    weights = np.zeros(gradients.shape[1])
    made = optimizer()
    for gradient in gradients:
        made.apply([gradient], [weights])
    return weights


GRADIENTS = np.random.default_rng(3).normal(size=(4, 5))


def test_another_rule_has_other_lines_for_a_part(tmp_path: Path) -> None:
    text = 'name = "Own"\nextends = "means"\n[parts]\nshown = """\nshown = 2*average\n"""\n'
    optimizer = optgen.compile(written(tmp_path, text), backend="numpy")
    average, expected = np.zeros(5), np.zeros(5)
    for gradient in GRADIENTS:
        average = 0.5 * average + 0.5 * gradient
        expected -= 0.5 * 2 * average
    np.testing.assert_allclose(run(optimizer, GRADIENTS), expected, rtol=1e-14)
    document = inspect.getdoc(optimizer) or ""
    assert "        shown = 2*average\n" in document
    assert "shown = average" not in document


def test_a_replaced_part_drops_what_only_it_used(tmp_path: Path) -> None:
    text = """
name = "Own"
extends = "signs"
hyperparameters.power = { default = 2.0, range = "power > 0" }
[parts]
limited = "direction = grad*power"
"""
    spec = load_file(written(tmp_path, text))
    names = [str(one.name) for one in spec.hyperparameters]
    assert names == ["learning_rate", "beta", "unused", "power"]
    assert [str(one.name) for one in spec.states] == ["average"]
    assert dict(spec.waived) == {"descent": "a reason"}


def test_a_rule_takes_lines_of_two_others(tmp_path: Path) -> None:
    text = '''
name = "Own"
extends = ["means", "signs"]
[update]
rule = """
running
limited
change = learning_rate*direction*shown
"""
'''
    path = written(tmp_path, text)
    spec = load_file(path)
    # Of what both declare, it has the first.
    found = [(str(one.name), one.default, one.doc) for one in spec.hyperparameters]
    assert found == [("learning_rate", 0.5, ""), ("beta", 0.5, "Of the first."), ("most", 2.0, "")]
    assert [(str(one.name), one.initial) for one in spec.states] == [
        *(("average", 0), ("largest_one", 0))
    ]
    assert spec.evaluate is not None
    assert not spec.waived, "a rule of its own has other properties"
    average, largest, expected = np.zeros(5), np.zeros(5), np.zeros(5)
    for gradient in GRADIENTS:
        average = 0.5 * average + 0.5 * gradient
        largest = np.maximum(largest, np.abs(gradient))
        expected -= 0.5 * gradient / np.maximum(largest, 2) * average
    optimizer = optgen.compile(path, backend="numpy")
    np.testing.assert_allclose(run(optimizer, GRADIENTS), expected, rtol=1e-14)


def test_declarations_alone_are_taken_over(tmp_path: Path) -> None:
    text = 'name = "Own"\nextends = "means"\nupdate.rule = "change = learning_rate*beta*grad"\n'
    spec = load_file(written(tmp_path, text))
    assert [str(one.name) for one in spec.hyperparameters] == ["learning_rate", "beta"]
    assert not spec.states


#: Own text, the text of the base, a message, and what is underlined.
MISTAKES = {
    "no lines": ("", MEANS.replace("            shown = average\n", ""), "has no lines", "shown"),
    "only a comment": (
        "",
        MEANS.replace("shown = average", "# Nothing."),
        "the part 'shown' has no lines",
        "shown",
    ),
    "two of a name": (
        "",
        MEANS.replace("part shown:", "part running:"),
        "there are two parts 'running'",
        "running",
    ),
    "another indentation": (
        "",
        MEANS.replace("        part shown:\n            shown", "      shown"),
        "this line of the part 'running' has another indentation",
        "shown = average",
    ),
    "a mistake inside": ("", MEANS.replace("(1 - beta)*grad", "(1 - bata)*grad"), "'bata'", "bata"),
    "no name": ("", MEANS.replace("part running:", "part:"), "can't be read", None),
    "no such part": (
        '[parts]\nmeen = "change = grad"',
        MEANS,
        "the rule of 'Means' has no part 'meen'",
        "meen",
    ),
    "a rule and parts": (
        '[parts]\nrunning = "change = grad"\n[update]\nrule = "means"',
        MEANS,
        "a rule of its own has its parts in it",
        "parts",
    ),
}


def problems(path: Path) -> tuple[Problem, ...]:
    return results(read_project([path]), plan_of).problems


@pytest.mark.parametrize(("own", "base", "message", "under"), MISTAKES.values(), ids=MISTAKES)
def test_misuse_is_told(
    own: str, base: str, message: str, under: str | None, tmp_path: Path
) -> None:
    path = written(tmp_path, f'name = "Own"\nextends = "means"\n{own}\n')
    (tmp_path / "means.toml").write_text(base, encoding="utf-8")
    found = problems(path)
    told = [problem for problem in found if message in problem.message]
    assert told, [str(problem) for problem in found]
    location = told[0].location
    start = location.column - 1
    assert under in (None, location.text[start : start + location.length])


def test_a_spec_without_a_rule_extends_one(tmp_path: Path) -> None:
    (found,) = problems(written(tmp_path, 'name = "Own"\nextends = ["means", "signs"]\n'))
    assert "a spec without a rule of its own extends one other" in found.message
    start = found.location.column - 1
    assert found.location.text[start : start + found.location.length] == "signs"


def test_a_whole_rule_has_no_parts_of_others(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(MEANS + '[parts]\nrunning = "shown = grad"\n', encoding="utf-8")
    (found,) = problems(path)
    assert "unknown key 'parts'" in found.message
