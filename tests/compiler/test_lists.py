"""Lists whose items have states: loops over them are unrolled."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen
from optgen.analysis.compare import compare
from optgen.cli.stage_pages import plan_page
from optgen.compiler.ir.problem import Problem
from optgen.compiler.library import published_files
from optgen.compiler.pipeline import checked_rule, load_file, plan_of, surroundings
from optgen.compiler.project import read_project
from tests.compiler.project_results import results

RULE = '''
name = "Aggregated"
[hyperparameters]
learning_rate = { default = 0.5 }
betas = { default = [0, 0.9, 0.99], list = true, range = "0 <= betas < 1", doc = "Decays." }
[state]
buffer = { each = "betas", invariant = "buffer**2 >= 0", doc = "A sum." }
[update]
rule = """
total = 0
for beta in betas:
    share = 1 - beta
    buffer = beta*buffer - share*grad/share
    total = total + buffer
change = -learning_rate*total/len(betas)
"""
'''


def written(folder: Path, text: str) -> Path:
    path = folder / "aggregated.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_item_has_a_state() -> None:
    optimizer: Any = optgen.compile(RULE)
    betas = [0.0, 0.5, 0.75, 0.9][:3]
    made = optimizer(**{f"betas_{k}": beta for k, beta in enumerate(betas, start=1)})
    draw = np.random.default_rng(0)
    weights = draw.normal(size=5)
    expected, buffers = weights.copy(), np.zeros((3, 5))
    for _ in range(4):
        gradient = draw.normal(size=5)
        made.apply([gradient], [weights])
        buffers = np.array(betas)[:, None] * buffers - gradient
        expected += 0.5 * buffers.mean(axis=0)
    np.testing.assert_allclose(weights, expected, rtol=1e-12)


def test_each_item_is_an_argument() -> None:
    parameters = inspect.signature(optgen.compile(RULE)).parameters
    assert [*parameters][:4] == ["learning_rate", "betas_1", "betas_2", "betas_3"]
    assert [parameters[f"betas_{k}"].default for k in (1, 2, 3)] == [0, 0.9, 0.99]
    with pytest.raises(ValueError, match="betas_2"):
        optgen.compile(RULE)(betas_2=1.0)


def test_a_loop_is_the_rule_written_out(tmp_path: Path) -> None:
    (path,) = (path for path in published_files() if path.stem == "aggmo")
    text = RULE.replace("share*grad/share", "grad").replace("    share = 1 - beta\n", "")
    listed = checked_rule(load_file(written(tmp_path, text)))
    known = checked_rule(load_file(path))
    values = [0.0, 0.9, 0.99]
    mine = {f"betas_{k}": value for k, value in enumerate(values, start=1)}
    theirs = {f"beta_{k}": value for k, value in enumerate(values, start=1)}
    assert compare(listed, known, mine, theirs).equal


def test_values_of_a_loop_are_computed_once_a_call_where_they_can_be(tmp_path: Path) -> None:
    page = plan_page(plan_of(load_file(written(tmp_path, RULE)), surroundings()))
    host = page[page.index("host:") : page.index("program update")]
    assert all(f"share_{k} = 1 - betas_{k}" in host for k in (1, 2, 3))


def test_conditions_are_of_items(tmp_path: Path) -> None:
    text = RULE.replace(
        "    buffer = beta", "    if beta > 0:\n        share = 2*share\n    buffer = beta"
    )
    rule = checked_rule(load_file(written(tmp_path, text)))
    assert [*rule.atoms] == ["betas_1 > 0", "betas_2 > 0", "betas_3 > 0"]


LAST = "change = -learning_rate*total/len(betas)"
MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "list for a number": (LAST, "change = betas*grad", "'betas' is a list", "betas"),
    "state outside": (
        LAST,
        "change = buffer",
        "'buffer' is a state of each item of 'betas'",
        "buffer",
    ),
    "state assigned outside": (
        LAST,
        "buffer = grad\nchange = total",
        "'buffer' is a state of each item of 'betas'",
        "buffer",
    ),
    "value of a loop outside": (LAST, "change = share*total", "'share' is not defined", "share"),
    "another list": ("in betas:", "in betta:", "'betta' is not a list", "betta"),
    "a loop inside": (
        "    total = total + buffer",
        "    for other in betas:\n        total = total + other*buffer",
        "a loop inside of a loop",
        "betas",
    ),
    "length of a number": (LAST, "change = total/len(grad)", "len takes a list", "len(grad)"),
    "a default of one number": (
        "[0, 0.9, 0.99]",
        "0.9",
        "default must be a list of numbers",
        "0.9",
    ),
    "an empty list": ("[0, 0.9, 0.99]", "[]", "default must be a list of numbers", "[]"),
    "out of range": ("0.99]", "1.5]", "betas_3 = 1.5 is outside its range", ""),
    "too many items": ("[0, 0.9, 0.99]", f"[{', '.join(['0'] * 17)}]", "more than 16 items", ""),
    "optional": ("list = true", "list = true, optional = true", "takes no optional", "optional"),
    "each of nothing": ('each = "betas"', 'each = "beta"', "there is no list 'beta'", "each"),
    "a name twice": (
        "[state]",
        "betas_2 = { default = 1 }\n[state]",
        "'betas_2' is declared",
        "betas_2",
    ),
    "a declared item": ("for beta in", "for buffer in", "'buffer' is declared already", "betas"),
    "a loop over a range": (
        "for beta in betas:",
        "for beta in range(3):",
        "a loop is not part",
        "",
    ),
    "an else": ("change = -l", "else:\n    total = 0\nchange = -l", "a loop is not part", ""),
}


def problems(path: Path) -> tuple[Problem, ...]:
    return results(read_project([path]), plan_of).problems


@pytest.mark.parametrize(("old", "new", "message", "under"), MISTAKES.values(), ids=MISTAKES)
def test_misuse_is_told(old: str, new: str, message: str, under: str, tmp_path: Path) -> None:
    assert old in RULE
    found = problems(written(tmp_path, RULE.replace(old, new)))
    told = [problem for problem in found if message in problem.message]
    assert told, [str(problem) for problem in found]
    assert told[0].severity == "error"
    location = told[0].location
    start = location.column - 1
    assert not under or location.text[start : start + location.length] == under
