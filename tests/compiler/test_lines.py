"""Lines that stand for several: choices between values, and calls with several results."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

import optgen
from optgen.cli.stage_pages import plan_page
from optgen.compiler.ir.problem import Problem
from optgen.compiler.pipeline import load_file, plan_of, surroundings
from optgen.compiler.project import read_project
from tests.compiler.project_results import results as results_of

RULE = '''
name = "Own"
[hyperparameters]
learning_rate = {{ default = 0.5 }}
factor = {{ default = 2.0, optional = true }}
flip = {{ default = false }}
[state]
first = {{}}
second = {{ initial = 1 }}
[update]
rule = """
{lines}
change = learning_rate*(x + first - 2*second)
"""
'''
PAIR = '''
name = "pair"
summary = "two numbers of these tests."
[function]
arguments = ["a", "b"]
result = [{results}]
rule = """
{lines}
"""
'''
#: Results that need what was before, and a value that both of them need.
LINES = "both = a + b\nfewer = a - both/2\nmore = fewer + both*b"


def written(
    folder: Path, lines: str, results: str = '"fewer", "more"', function: str = LINES
) -> Path:
    text = PAIR.format(results=results, lines=function)
    (folder / "pair.toml").write_text(text, encoding="utf-8")
    path = folder / "own.toml"
    path.write_text(RULE.format(lines=lines), encoding="utf-8")
    return path


CHOICE = "x = factor*grad if given(factor) else -grad if flip else grad"
KEPT = "first = first + grad\nsecond = second - grad/4\n"


def test_a_choice_is_an_if(tmp_path: Path) -> None:
    pages = []
    for lines in (
        CHOICE,
        "if given(factor):\n    x = factor*grad\nelif flip:\n    x = -grad\nelse:\n    x = grad",
    ):
        pages.append(plan_page(plan_of(load_file(written(tmp_path, KEPT + lines)), surroundings())))
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("options", "factor"), [({}, 2), ({"factor": None}, 1), ({"factor": None, "flip": True}, -1)]
)
def test_a_setting_chooses(options: dict[str, float | None], factor: int, tmp_path: Path) -> None:
    optimizer = optgen.compile(written(tmp_path, KEPT + CHOICE), backend="numpy")
    assert CHOICE in (inspect.getdoc(optimizer) or "")
    weights, gradient = np.zeros(2), np.array([1.0, -3.0])
    optimizer(**options).apply([gradient], [weights])
    expected = -0.5 * (factor * gradient + gradient - 2 * (1 - gradient / 4))
    np.testing.assert_allclose(weights, expected, rtol=1e-15)


@pytest.mark.parametrize("order", [False, True])
def test_all_results_are_of_the_values_before(order: bool, tmp_path: Path) -> None:
    """What the call assigns first is an argument of what it assigns second."""
    names = "second, first" if order else "first, second"
    lines = f"{names} = pair(first + grad, second)\n{CHOICE}"
    optimizer = optgen.compile(written(tmp_path, lines), backend="numpy")(factor=None)
    weights, expected = np.zeros(3), np.zeros(3)
    first, second = np.zeros(3), np.ones(3)
    for gradient in np.random.default_rng(5).normal(size=(3, 3)):
        optimizer.apply([gradient], [weights])
        a, b = first + gradient, second
        fewer = a - (a + b) / 2
        more = fewer + (a + b) * b
        first, second = (more, fewer) if order else (fewer, more)
        expected -= 0.5 * (gradient + first - 2 * second)
    np.testing.assert_allclose(weights, expected, rtol=1e-13, atol=1e-15)


def test_two_names_change_places(tmp_path: Path) -> None:
    lines = f"second, first = pair(first, second)\n{CHOICE}"
    path = written(tmp_path, lines, function="fewer = 2*a\nmore = b")
    optimizer = optgen.compile(path, backend="numpy")(factor=None)
    weights = np.zeros(1)
    optimizer.apply([np.ones(1)], [weights])
    state = optimizer.state["variable_0"]
    assert (state["first"], state["second"]) == (1, 0)


CALL = "first, second = pair(first, grad)\nx = grad"
SEVERAL = '"fewer", "more"'
#: Lines of the rule, results and lines of the function, a message, and what is underlined.
MISTAKES = {
    "a choice by elements": (
        f"x = grad if grad > 0 else 0\n{KEPT}",
        SEVERAL,
        LINES,
        "'grad' is not known before the run",
        "grad",
    ),
    "a choice inside": (
        f"x = 1 + (grad if flip else 0)\n{KEPT}",
        SEVERAL,
        LINES,
        "an if inside a line is not part of the language",
        "(grad if flip else 0)",
    ),
    "None": (f"x = factor*grad if flip else 0\n{KEPT}", SEVERAL, LINES, "may be None", "factor"),
    "two results as one value": (
        f"x = 2*pair(grad, grad)\n{KEPT}",
        SEVERAL,
        LINES,
        "pair has 2 results, and one value is needed here",
        "pair(grad, grad)",
    ),
    "too many names": (
        "first, second, x = pair(first, grad)",
        SEVERAL,
        LINES,
        "pair has 2 results, for as many names",
        "first, second, x",
    ),
    "one name twice": (
        "x, x = pair(grad, grad)\n" + KEPT,
        SEVERAL,
        LINES,
        "'x' is assigned twice here",
        "x",
    ),
    "values instead of a call": (
        "first, second = grad, grad\nx = grad",
        SEVERAL,
        LINES,
        "only a single name can be assigned",
        "first, second = grad, grad",
    ),
    "a hyperparameter": (
        "flip, second = pair(first, grad)\nx = first\nfirst = grad",
        SEVERAL,
        LINES,
        "'flip' can't be assigned",
        "flip",
    ),
    "a result that is missing": (
        CALL,
        '"fewer", "lost"',
        LINES,
        "the rule doesn't end with the result 'lost'",
        "lost",
    ),
    "a result twice": (CALL, '"more", "more"', LINES, "there are two results 'more'", "more"),
    "a line behind": (
        CALL,
        SEVERAL,
        LINES + "\nrest = more",
        "the rule doesn't end with the result 'more'",
        "more",
    ),
}


def problems(path: Path) -> tuple[Problem, ...]:
    return results_of(read_project([path]), plan_of).problems


@pytest.mark.parametrize(
    ("lines", "results", "function", "message", "under"), MISTAKES.values(), ids=MISTAKES
)
def test_misuse_is_told(
    lines: str, results: str, function: str, message: str, under: str, tmp_path: Path
) -> None:
    found = problems(written(tmp_path, lines, results, function))
    found += results_of(read_project([tmp_path / "pair.toml"]), plan_of).problems
    told = [problem for problem in found if message in problem.message]
    assert told, [str(problem) for problem in found]
    location = told[0].location
    start = location.column - 1
    assert location.text[start : start + location.length] in (under, under.strip("()"))
