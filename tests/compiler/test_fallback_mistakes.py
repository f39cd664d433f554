"""Mistakes in specs with a fallback: each message stands where the mistake is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compiler.test_fallback import OTHER, OWN, problems, written

#: What to replace in ``OWN``, with what, part of the message, and what the caret is under.
MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "unknown": ('"adamw"', '"adamv"', "no spec named 'adamv'", "adamv"),
    "itself": ('"adamw"', '"rows"', "no spec named 'rows'", "rows"),
    "no view": ('[matrix]\nview = "first by rest"\n', "", "no view says which", "fallback"),
    "no optimizer": ('extends = "adamw"', 'prefix = "a_"', "no optimizer to fall", "fallback"),
    "unknown key": ('extends = "adamw"', 'extend = "adamw"', "unknown key 'extend'", "extend"),
    "a feature": ('"adamw"', '"decaying"', "is a feature", "decaying"),
    "matrices": ('"adamw"', '"adafactor"', "has a rule for matrices", "adafactor"),
    "inputs": ('"adamw"', '"sophia"', "takes inputs", "sophia"),
    "evaluation": ('"adamw"', '"schedulefreesgd"', "for evaluation", "schedulefreesgd"),
    "a fallback of its own": ('"adamw"', '"another"', "has a rule for matrices", "another"),
    "around": ('"adamw"', '"around"', "'rows' needs itself", ""),
    "bad prefix": ('"adamw"', '"adamw"\nprefix = "2_"', "'2_' can't begin a name", "2_"),
    "no prefix": ('"adamw"', '"adamw"\nprefix = ""', "can't begin a name", ""),
    "a method": (
        '"adamw"',
        '"adamw"\nprefix = "exclude_from_"',
        "is an attribute",
        "exclude_from_",
    ),
    "an argument": (
        "momentum = {",
        "fallback_beta_1 = { default = 0.0 }\nmomentum = {",
        "'fallback_beta_1' is the name of a value of the fallback 'adamw'",
        "fallback_beta_1",
    ),
    "a state": (
        "velocity = {}",
        "velocity = {}\nfallback_velocity = {}",
        "'fallback_velocity' is the name of a value of the fallback",
        "fallback_velocity",
    ),
    "unknown default": (
        '"adamw"\n',
        '"adamw"\n[fallback.hyperparameters]\nbeta_3 = 0.5\n',
        "'adamw' has no 'beta_3'",
        "beta_3",
    ),
    "a default of a feature": (
        '"adamw"\n',
        '"adamw"\n[fallback.hyperparameters]\nweight_decay = 0.5\n',
        "'adamw' has no 'weight_decay'",
        "weight_decay",
    ),
    "another kind": (
        '"adamw"\n',
        '"adamw"\n[fallback.hyperparameters]\namsgrad = 0.5\n',
        "the default of 'amsgrad' must be true or false",
        "amsgrad",
    ),
    "out of range": (
        '"adamw"\n',
        '"adamw"\n[fallback.hyperparameters]\nbeta_1 = 1.5\n',
        "is outside its range",
        "beta_1",
    ),
    "matrices once more": (
        "change = learning_rate*velocity*scale",
        "if matrix:\n    change = learning_rate*velocity*scale\nelse:\n    change = velocity",
        "this condition always holds",
        "matrix",
    ),
    "a second point": (
        "[fallback]",
        '[perturb]\nrule = "param = param + grad"\n[fallback]',
        "can't have a fallback",
        "param = param + grad",
    ),
    "evaluation of its own": (
        "[fallback]",
        '[evaluate]\nparam = "param + velocity"\n[fallback]',
        "can't have a fallback",
        "param + velocity",
    ),
    "a number of all variables": (
        "velocity = {}",
        'velocity = {}\n[state.total]\nshape = "optimizer"',
        "'total' is of all variables, and this line runs for some of them",
        "total",
    ),
}
FEATURE = """
name = "decaying"
slot = "decay"
[update]
rule = "grad = grad + 0.1*param"
"""


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake(mistake: str, tmp_path: Path) -> None:
    old, new, message, under = MISTAKES[mistake]
    assert old in OWN
    text = OWN.replace(old, new, 1)
    if mistake == "no view":
        text = text.replace("1/(row_norm(velocity) + 0.001)", "1")
    if mistake == "a number of all variables":
        text = text.replace("scale = 1", "total = total + global_norm(grad)\nscale = total")
    path = written(tmp_path, text)
    (tmp_path / "decaying.toml").write_text(FEATURE, encoding="utf-8")
    another = OWN.replace('"Rows"', '"Another"')
    (tmp_path / "another.toml").write_text(another, encoding="utf-8")
    around = OWN.replace('"Rows"', '"Around"').replace('"adamw"', '"rows"')
    (tmp_path / "around.toml").write_text(around, encoding="utf-8")
    found = problems(path)
    told = [one for one in found if message in one.message]
    assert told, [str(one) for one in found]
    location = told[0].location
    if under:
        assert location.path == path.as_posix()
        row, caret = location.caret().split("\n")
        place = caret.index("^")
        # Past the quote of a string.
        assert row[place:].lstrip('"').startswith(under), str(told[0])
        assert under in text.split("\n")[location.line - 1]


def test_a_mistake_in_the_fallback(tmp_path: Path) -> None:
    path = written(tmp_path, OWN.replace('"adamw"', '"other"'), OTHER.replace("+ grad", "+ gard"))
    (found,) = problems(path)
    assert "'gard' is not defined" in found.message
    assert found.location.path == (tmp_path / "other.toml").as_posix()


def test_a_fallback_whose_numbers_are_of_all_variables(tmp_path: Path) -> None:
    found = problems(written(tmp_path, OWN.replace('"adamw"', '"prodigy"')))
    assert any("is of all variables" in one.message for one in found)
    assert all(one.location.path.endswith("prodigy.toml") for one in found)
