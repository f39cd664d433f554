"""Mistakes in the spec of a schedule: what is said, and where the caret stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compiler.mistakes import assert_told, problems

BASE = '''name = "Example"
summary = "An example."

[hyperparameters]
initial = { required = true, range = "initial >= 0" }
bounds = { required = true, list = true }
levels = { required = true, list = true, range = "levels >= 0" }
rate = { default = 0.9, range = "0 <= rate < 1" }
limit = { optional = true, range = "limit > 0" }
steps = { default = false }

[schedule]
rule = """
passed = calls*rate
if steps:
    passed = floor(passed)
value = initial*cos(pi*passed) + piecewise(calls, bounds, levels)
if given(limit):
    value = min(value, limit)
"""
'''

#: By what is wrong: what to replace, with what, part of the message, and what the caret is under.
MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "undefined": ("calls*rate", "cals*rate", "'cals' is not defined", "cals*rate"),
    "before assignment": ("calls*rate", "calls*later\nlater = rate", "'later'", "later"),
    "unused hyperparameter": ("calls*rate", "calls", "'rate' is never used", "rate ="),
    "unused local": ("passed = calls", "spare = calls\npassed = calls", "'spare'", "spare"),
    "value never assigned": ("value", "result", "never assigns value", '"Example"'[1:]),
    "value under one condition": (
        "value = initial*cos(pi*passed) + piecewise(calls, bounds, levels)\nif given(limit):",
        "if given(limit):\n    value = initial*cos(pi*passed) + piecewise(calls, bounds, levels)",
        "'value' has no value under every condition",
        "value = min",
    ),
    "empty": ('rule = """\n', 'rule = """"""\nspare = """\n', "empty", ""),
    "param": ("calls*rate", "param*rate", "'param' is not given to schedules", "param"),
    "grad": ("calls*rate", "grad*rate", "'grad' is not given to schedules", "grad"),
    "step": ("calls*rate", "step*rate", "'step' is not given to schedules", "step"),
    "learning rate": ("calls*rate", "learning_rate*rate", "not given to schedules", "learning"),
    "reduction": ("calls*rate", "sum(calls)*rate", "sum is not a function of schedules", "sum"),
    "norm": ("calls*rate", "global_norm(calls)*rate", "global_norm is not", "global_norm"),
    "unknown function": ("floor(", "flor(", "'flor'", "flor"),
    "arity": ("floor(passed)", "floor(passed, 1)", "takes 1 argument", "floor(passed, 1)"),
    "list for a number": ("calls*rate", "calls*rate*bounds", "'bounds' is a list", "bounds"),
    "number for a list": ("bounds, levels)", "bounds, rate)", "a list is needed", "rate)"),
    "value for a list": ("bounds, levels)", "bounds, 2*rate)", "a list is needed", "2*rate)"),
    "guard not static": ("if steps:", "if calls > 3:", "'calls'", "calls > 3"),
    "guard on a list": ("if steps:", "if bounds > 3:", "'bounds' is a list", "bounds > 3"),
    "guard on a number": ("if steps:", "if rate:", "rate is a number", "rate:"),
    "guard out of reach": ("if steps:", "if rate > 2:", "never holds", "rate > 2"),
    "optional without given": ("if given(limit):", "if steps:", "'limit'", "limit)"),
    "given of a number": ("given(limit)", "given(rate)", "optional", "given(rate)"),
    "condition for a number": ("calls*rate", "calls > rate", "", ""),
    "constant without a value": ("calls*rate", "calls*rate + 1/0", "division by zero", "1/0"),
    "no finite constant": ("calls*rate", "calls*rate*floor(log(0))", "no finite", "log(0)"),
    "default out of range": ("default = 0.9", "default = 1.5", "outside its range", "1.5"),
    "range of another": ("0 <= rate < 1", "0 <= limit < 1", "rate only", "limit < 1"),
    "no default": ("rate = { default = 0.9, ", "rate = { ", "rate has no default", "rate = {"),
    "required with default": ("{ required = true, r", "{ required = true, default = 1, r", "", ""),
    "required and optional": (
        "initial = { required = true,",
        "initial = { required = true, optional = true,",
        "initial is required",
        "optional",
    ),
    "required after others": (
        "steps = {",
        "late = { required = true }\nsteps = {",
        "late is required and stands after",
        "late",
    ),
    "order of name": (
        "default = 0.9,",
        "default = 0.9, after_name = true,",
        "limit stands after an argument that comes after name",
        "limit",
    ),
    "list with a default": (
        "bounds = { required = true, list = true }",
        "bounds = { default = 1, list = true }",
        "bounds is a list",
        "list = true",
    ),
    "excluded": ("default = 0.9,", "default = 0.9, excluded = 0,", "'excluded'", "excluded"),
    "state": ("[schedule]", "[state]\nx = {}\n[schedule]", "'state'", "state"),
    "update": ("[schedule]", "[update]\n[schedule]", "'update'", "update"),
    "proceed": ("[schedule]", "[schedule]\nproceed = 'calls > 3'", "'proceed'", "proceed"),
    "no rule": ("rule = ", "rul = ", "there is no rule", ""),
    "given name declared": ("rate = {", "calls = { default = 1 }\nrate = {", "given", "calls"),
    "result declared": ("rate = {", "value = { default = 1 }\nrate = {", "computes", "value"),
    "attribute declared": (
        "rate = {",
        "get_config = { default = 1 }\nrate = {",
        "every schedule has",
        "get_config",
    ),
    "assigned calls": ("passed = calls*rate", "calls = calls*rate", "can't be assigned", "calls"),
    "assigned hyperparameter": ("passed = calls*rate", "rate = calls*rate", "'rate'", "rate"),
    "word of generated code": ("passed = calls*rate", "math = calls*rate", "'math'", "math"),
    "function declared": ("rate = {", "floor = { default = 1 }\nrate = {", "function", "floor"),
    "attribute": ("calls*rate", "calls.real*rate", "a dot", "calls.real"),
    "not a class name": ('name = "Example"', 'name = "example"', "class name", "example"),
    "reserved class": ('name = "Example"', 'name = "Schedule"', "needs for itself", "Schedule"),
}


def test_the_base_is_sound(tmp_path: Path) -> None:
    assert problems(tmp_path, BASE) == ()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake(mistake: str, tmp_path: Path) -> None:
    old, new, message, under = MISTAKES[mistake]
    assert old in BASE
    text = (
        BASE.replace(old, new) if mistake == "value never assigned" else BASE.replace(old, new, 1)
    )
    assert_told(tmp_path, text, message, under)


@pytest.mark.parametrize("mistake", ["undefined", "param", "reduction", "list for a number"])
def test_one_mistake_is_said_once(mistake: str, tmp_path: Path) -> None:
    old, new, _, _ = MISTAKES[mistake]
    assert len(problems(tmp_path, BASE.replace(old, new, 1))) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cos(grad)", "cos is not a function of optimizers"),
        ("calls*grad", "'calls' is not given to optimizers"),
    ],
)
def test_an_optimizer_has_a_language_of_its_own(text: str, message: str, tmp_path: Path) -> None:
    spec = f'name = "Plain"\n[update]\nrule = "param = param - learning_rate*grad*{text}"\n'
    (found,) = problems(tmp_path, spec)
    assert message in found.message


def test_a_schedule_cannot_be_extended(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(BASE)
    (found,) = problems(tmp_path, 'name = "Mine"\nextends = "base"\n')
    assert "is a schedule; only an optimizer can be extended" in found.message
