"""Rules that take in another rule, or parts of it."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen
from optgen.analysis.compare import compare
from optgen.cli.stage_pages import plan_page
from optgen.compiler.ir.problem import Problem
from optgen.compiler.library import optimizer_files, published_files
from optgen.compiler.pipeline import checked_rule, load_file, plan_of, surroundings
from optgen.compiler.project import read_project
from tests.compiler.project_results import results

BASE = '''
name = "Base"
[hyperparameters]
learning_rate = { default = 0.5 }
beta = { default = 0.5, range = "0 <= beta < 1" }
rho = { default = 0.25, range = "0 <= rho < 1" }
start = { default = 1.0 }
[state]
average = {}
square = { initial = "start", invariant = "square >= 0" }
[update]
rule = """
part running:  # of the gradient
    average = beta*average + (1 - beta)*grad
part scaled:

    # The root mean square.
    square = rho*square + (1 - rho)*grad**2
    scale = sqrt(square) + 0.125
change = learning_rate*average/scale
"""
[torch]
lr = "learning_rate"
betas = ["beta", "rho"]
'''
OWN = '''
name = "Own"
extends = "base"
{more}
[update]
rule = """
{lines}
"""
'''
LIMIT = "[hyperparameters]\nlimit = { default = 0.25 }\n"


def written(folder: Path, lines: str, more: str = "", base: str = BASE) -> Path:
    (folder / "base.toml").write_text(base, encoding="utf-8")
    path = folder / "own.toml"
    path.write_text(OWN.format(lines=lines, more=more), encoding="utf-8")
    return path


def test_a_whole_rule_is_taken_in(tmp_path: Path) -> None:
    lines = "grad = 2*grad\nbase\nchange = clip(change, -limit, limit)"
    optimizer: Any = optgen.compile(written(tmp_path, lines, LIMIT))
    assert [*inspect.signature(optimizer).parameters][:5] == [
        *("learning_rate", "beta", "rho", "start", "limit")
    ]
    draw = np.random.default_rng(0)
    weights = draw.normal(size=5)
    expected, average, square = weights.copy(), np.zeros(5), np.ones(5)
    made = optimizer()
    for _ in range(4):
        gradient = draw.normal(size=5)
        made.apply([gradient], [weights])
        average = 0.5 * average + 0.5 * 2 * gradient
        square = 0.25 * square + 0.75 * (2 * gradient) ** 2
        expected -= np.clip(0.5 * average / (np.sqrt(square) + 0.125), -0.25, 0.25)
    np.testing.assert_allclose(weights, expected, rtol=1e-13)
    # Readers see the whole rule.
    document = inspect.getdoc(optimizer) or ""
    assert "square = rho*square + (1 - rho)*grad**2" in document


@pytest.mark.parametrize(
    ("lines", "kept", "states"),
    [
        ("running\nchange = learning_rate*average", ["beta"], ["average"]),
        ("scaled\nchange = learning_rate*grad/scale", ["rho", "start"], ["square"]),
    ],
)
def test_a_part_brings_what_it_uses(
    lines: str, kept: list[str], states: list[str], tmp_path: Path
) -> None:
    spec = load_file(written(tmp_path, lines))
    assert [str(entry.name) for entry in spec.hyperparameters] == ["learning_rate", *kept]
    assert [str(state.name) for state in spec.states] == states
    assert [str(one.name) for one in spec.torch] == ["lr"]
    checked_rule(spec)
    assert not read_project([tmp_path / "own.toml"]).warnings


def test_parts_are_lines(tmp_path: Path) -> None:
    rule = BASE[BASE.index("part running") : BASE.index('"""\n[torch]')]
    text = BASE.replace(rule, re.sub(r"^part .*\n|^    ", "", rule, flags=re.MULTILINE))
    assert "part" not in text
    path = tmp_path / "plain.toml"
    path.write_text(text, encoding="utf-8")
    written(tmp_path, "base")
    around = surroundings()
    pages = [
        plan_page(plan_of(load_file(one), around))
        for one in (path, tmp_path / "base.toml", tmp_path / "own.toml")
    ]
    assert pages[0] == pages[1]
    assert pages[1].replace("Base", "Own") == pages[2]


def test_a_part_may_stand_in_a_branch(tmp_path: Path) -> None:
    lines = "if limit > 0:\n    base\nelse:\n    running\n    change = learning_rate*average"
    rule = checked_rule(load_file(written(tmp_path, lines, LIMIT)))
    guards = {step.target: step.guard.cases for step in rule.blocks[0].steps}
    assert guards["scale"] == ((("limit > 0", True),),)


def test_a_known_rule_is_one_line_away(tmp_path: Path) -> None:
    """Grams is torch's Adam with the gradient's signs."""
    text = OWN.format(lines="torchadam\nchange = sign(grad)*abs(change)", more="")
    path = tmp_path / "own.toml"
    path.write_text(text.replace('"base"', '"torchadam"'), encoding="utf-8")
    (grams,) = (one for one in published_files() if one.stem == "grams")
    mine, theirs = (checked_rule(load_file(one)) for one in (path, grams))
    assert compare(mine, theirs, {"amsgrad": False}, {"decay": 0.0}).equal
    assert any(one.stem == "torchadam" for one in optimizer_files())


MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "nothing": ("change = grad", BASE, "takes in nothing of 'base'", "base"),
    "a name of nothing": ("base\nmeen", BASE, "a value that gets no name", "meen"),
    "a part of itself": (
        "running\nchange = average",
        BASE.replace("    average = beta", "    running\n    average = beta"),
        "the part 'running' takes itself in",
        "running",
    ),
    "a bad name": (
        "base",
        BASE.replace("scaled", "sqrt"),
        "'sqrt' is a function of the language",
        "sqrt",
    ),
    "a mistake inside": (
        "running\nchange = average",
        BASE.replace("(1 - beta)*grad", "(1 - beta)*gard"),
        "'gard' is not defined",
        "gard",
    ),
    "too many": (
        "running\n" * 40,
        BASE,
        "more than 32 parts are taken in",
        "running",
    ),
}


def problems(path: Path) -> tuple[Problem, ...]:
    return results(read_project([path]), plan_of).problems


@pytest.mark.parametrize(("lines", "base", "message", "under"), MISTAKES.values(), ids=MISTAKES)
def test_misuse_is_told(lines: str, base: str, message: str, under: str, tmp_path: Path) -> None:
    found = problems(written(tmp_path, lines, base=base))
    told = [problem for problem in found if message in problem.message]
    assert told, [str(problem) for problem in found]
    location = told[0].location
    start = location.column - 1
    assert location.text[start : start + location.length] == under


def test_what_is_declared_anew_has_the_place_of_the_other(tmp_path: Path) -> None:
    more = """
[hyperparameters]
limit = { default = 3.0 }
beta = { default = 0.25, doc = "Another." }
[state]
square = { initial = 0.5 }
"""
    lines = "base\nchange = clip(change, -limit, limit)"
    spec = load_file(written(tmp_path, lines, more))
    assert [(str(one.name), one.default) for one in spec.hyperparameters] == [
        *(("learning_rate", 0.5), ("beta", 0.25), ("rho", 0.25), ("start", 1.0), ("limit", 3.0))
    ]
    assert [(str(one.name), one.initial) for one in spec.states] == [
        ("average", 0),
        ("square", 0.5),
    ]


def test_a_state_is_no_hyperparameter_of_the_base(tmp_path: Path) -> None:
    (found,) = problems(written(tmp_path, "base", "[state]\nbeta = {}\n"))
    assert "'beta' is declared above already" in found.message
    assert found.location.path.endswith("own.toml")


def test_what_a_part_does_not_use_may_be_declared_anew(tmp_path: Path) -> None:
    own = "[hyperparameters]\nlearning_rate = { default = 0.125 }\nrho = { default = 2.0 }\n"
    spec = load_file(written(tmp_path, "running\nchange = learning_rate*rho*average", own))
    defaults = {str(entry.name): entry.default for entry in spec.hyperparameters}
    assert defaults == {"beta": 0.5, "learning_rate": 0.125, "rho": 2.0}
    assert [str(one.name) for one in spec.torch] == ["lr"]


def test_without_a_rule_there_are_no_declarations(tmp_path: Path) -> None:
    path = written(tmp_path, "base", LIMIT)
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("[update]")], encoding="utf-8")
    assert any("unknown key 'hyperparameters'" in one.message for one in problems(path))
