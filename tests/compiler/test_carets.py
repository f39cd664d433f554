"""Mistakes in a spec: what is said, where the caret stands, and that nothing follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compiler.mistakes import assert_told, problems

BASE = '''name = "Example"
summary = "An example."

[hyperparameters]
learning_rate = { default = 0.001 }
decay = { default = 0.9, range = "0 <= decay < 1" }
momentum = { default = 0.0, range = "0 <= momentum < 1" }
limit = { optional = true, range = "limit > 0" }
fancy = { default = false }

[state]
trend = { invariant = "trend**2 >= 0" }
buffer = { when = "momentum > 0" }

[update]
rule = """
trend = decay*trend + (1 - decay)*grad
if fancy:
    move = learning_rate*trend
else:
    move = learning_rate*grad
if given(limit):
    move = clip(move, -limit, limit)
if momentum > 0:
    buffer = momentum*buffer + move
    param = param - buffer
else:
    param = param - move
"""
'''

#: By what is wrong: what to replace, with what, part of the message, and what the caret is under.
MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "undefined": ("learning_rate*grad", "learning_rat*grad", "'learning_rat'", "learning_rat"),
    "unused hyperparameter": (
        "fancy = {",
        "spare = { default = 1.0 }\nfancy = {",
        "'spare'",
        "spare",
    ),
    "unused local": ("trend = decay", "spare = grad\ntrend = decay", "'spare'", "spare"),
    "before assignment": (
        "trend = decay*trend",
        "trend = later*trend",
        "'later'",
        "later",
    ),
    "one branch only": (
        "    move = learning_rate*grad\n",
        "    trend = grad\n",
        "'move'",
        "move",
    ),
    "state never assigned": ("[state]\n", "[state]\nidle = {}\n", "'idle'", "idle"),
    "state without its guard": ("param - move", "param - buffer", "'buffer'", "buffer"),
    "default out of range": ("default = 0.9", "default = 1.5", "range", ""),
    "guard not static": ("if fancy:", "if grad > 0:", "'grad'", "grad"),
    "guard on a number": ("if fancy:", "if decay:", "decay", "decay"),
    "guard out of range": ("if momentum > 0:", "if momentum > 2:", "never holds", "momentum > 2"),
    "optional without given": ("if given(limit):", "if fancy:", "'limit'", "limit"),
    "unknown function": ("clip(move", "clap(move", "'clap'", "clap"),
    "arity": ("clip(move, -limit, limit)", "clip(move, limit)", "3", "clip(move, limit)"),
    "one argument": ("clip(move, -limit, limit)", "max(abs(move))", "largest(x)", "max(abs"),
    "a short name": ("clip(move, -limit, limit)", "row_min(move)", "'row_smallest'", "row_min"),
    "too large": ("learning_rate*trend", "1e30*trend", "9e+15 at most", "1e30"),
    "a constant": ("learning_rate*trend", "pi*trend", "step, size, rows, columns, dims", "pi"),
    "no second point": ("if fancy:", "if perturbed:", "add [perturb]", "perturbed"),
    "number for a condition": (
        "learning_rate*trend",
        "where(trend, trend, grad)",
        "condition",
        "trend",
    ),
    "condition for a number": ("learning_rate*trend", "trend > 0", "", ""),
    "augmented": ("trend = decay*trend", "trend += decay*trend", "+=", "trend +="),
    "attribute": ("learning_rate*trend", "trend.T", "a dot", "trend.T"),
    "subscript": ("learning_rate*trend", "trend[0]", "[…]", "trend[0]"),
    "call of a call": ("learning_rate*trend", "sqrt(2)(3)", "", "sqrt(2)(3)"),
    "syntax": ("learning_rate*trend", "learning_rate*", "", ""),
    "unknown key": ("summary =", "sumary =", "'sumary'", "sumary"),
    "unknown field": ("optional = true", "optinal = true", "'optinal'", "optinal"),
    "bad range": ('range = "limit > 0"', 'range = "limt > 0"', "limt", ""),
    "bad when": ('when = "momentum > 0"', 'when = "momentun > 0"', "'momentun'", "momentun"),
    "assigned hyperparameter": ("trend = decay*trend", "decay = decay*trend", "'decay'", "decay"),
    "two names": ("buffer = {", "decay = {}\nbuffer = {", "'decay'", "decay"),
    "python word": ("fancy = {", "lambda = { default = 1.0 }\nfancy = {", "'lambda'", "lambda"),
    "not a class name": ('name = "Example"', 'name = "not a name"', "not a name", ""),
    "no change": ("rule = ", "spare = ", "", ""),
}


def test_the_base_is_sound(tmp_path: Path) -> None:
    assert problems(tmp_path, BASE) == ()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake(mistake: str, tmp_path: Path) -> None:
    old, new, message, under = MISTAKES[mistake]
    assert old in BASE
    text = BASE.replace(old, new, 1)
    assert_told(tmp_path, text, message, under)


@pytest.mark.parametrize(
    "mistake", ["undefined", "unknown function", "bad when", "guard not static"]
)
def test_one_mistake_is_said_once(mistake: str, tmp_path: Path) -> None:
    old, new, _, _ = MISTAKES[mistake]
    assert len(problems(tmp_path, BASE.replace(old, new, 1))) == 1


def test_several_mistakes_in_one_run(tmp_path: Path) -> None:
    both = BASE.replace("learning_rate*grad", "learning_rat*grad").replace("(1 - decay)", "(1 - x)")
    assert len(problems(tmp_path, both)) == 2


def test_the_adadelta_that_needs_its_own_result(tmp_path: Path) -> None:
    spec = '''name = "Blog"
[hyperparameters]
rho = { default = 0.95, range = "0 <= rho < 1" }
epsilon = { default = 1e-7, range = "epsilon > 0" }
[state]
velocity = {}
average = {}
[update]
rule = """
velocity = rho*velocity + (1 - rho)*grad**2
eta = sqrt(new_average)/sqrt(sqrt(velocity + epsilon) + epsilon)
delta = -learning_rate*eta*grad
new_average = rho*average + (1 - rho)*delta**2
average = new_average
param = param + delta
"""
'''
    (found,) = problems(tmp_path, spec)
    assert "cycle" in found.message
    assert "before the update" in found.hint
    assert spec.split("\n")[found.location.line - 1][found.location.column - 1 :].startswith(
        "new_average)"
    )
    fixed = spec.replace("sqrt(new_average)", "sqrt(average)")
    assert problems(tmp_path, fixed) == ()


def test_only_one_state_stands_in_at_a_time(tmp_path: Path) -> None:
    marked = BASE.replace('trend = { invariant = "trend**2 >= 0" }', "trend = { stands_in = true }")
    both = marked.replace("buffer = {", "buffer = { stands_in = true,")
    assert_told(tmp_path, both, "'buffer' and 'trend' would both stand in", "buffer")
    apart = both.replace("trend = { stands", 'trend = { when = "not fancy", stands').replace(
        'when = "momentum > 0"', 'when = "fancy"'
    )
    told = [str(problem) for problem in problems(tmp_path, apart)]
    assert not any("stand in" in one for one in told)
