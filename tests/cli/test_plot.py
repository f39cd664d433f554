"""``optgen plot``: what is drawn, and what is said where nothing can be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from optgen.cli import app
from optgen.cli.commands import plot
from optgen.demo import curves
from optgen.demo.curves import Curve

SPEC = '''
name = "SquareRootDecay"
[hyperparameters]
start = { required = true, range = "start > 0" }
[schedule]
rule = """
value = start/sqrt(1 + calls)
"""
'''
EXPONENTIAL = ("ExponentialDecay", "initial_learning_rate=0.1", "decay_steps=10", "decay_rate=0.5")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["plot", *(str(argument) for argument in arguments)])


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Curve]:
    """What would be drawn."""
    drawn: list[Curve] = []
    monkeypatch.setattr(curves, "draw", lambda found, path: drawn.extend(found))
    return drawn


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(SPEC)
    return tmp_path


def test_a_picture(folder: Path) -> None:
    result = run(*EXPONENTIAL, "--calls", 50, "--picture", "out.png")
    assert result.exit_code == 0, result.output
    assert (folder / "out.png").read_bytes().startswith(b"\x89PNG")
    assert "out.png" in result.stdout


def test_values_of_several(drawn: list[Curve]) -> None:
    result = run(*EXPONENTIAL, "mine.toml", "start=2", "--calls", 11)
    assert result.exit_code == 0, result.output
    first, second = drawn
    assert list(first.calls) == list(second.calls) == list(range(11))
    assert [first.values[0], first.values[10]] == pytest.approx([0.1, 0.05])
    assert (second.values[0], second.values[3]) == (2.0, 1.0)
    assert "decay_rate=0.5" in first.label
    assert second.label == "SquareRootDecay start=2"


def test_lists_switches_and_none(drawn: list[Curve]) -> None:
    steps = ("PiecewiseConstantDecay", "boundaries=1,3", "values=3,2,1")
    cycle = ("PolynomialDecay", "initial_learning_rate=1", "decay_steps=2", "cycle=true")
    cosine = ("cosinedecay", "initial_learning_rate=1", "decay_steps=2", "warmup_target=none")
    result = run(*steps, *cycle, *cosine, "--calls", 5)
    assert result.exit_code == 0, result.output
    assert drawn[0].values == [3, 3, 2, 2, 1]
    assert drawn[1].values[3] > drawn[1].values[2]
    assert drawn[2].values[0] == 1


def test_many_calls_are_few_points(drawn: list[Curve]) -> None:
    assert run("mine.toml", "start=2", "--calls", 10**9).exit_code == 0
    assert len(drawn[0].values) <= plot.MOST_POINTS


#: What is typed, and what must be in the answer.
MISTAKES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "missing": (EXPONENTIAL[:2], ("needs decay_steps, decay_rate", "decay_steps=…")),
    "unknown": ((*EXPONENTIAL, "stair=true"), ("'stair'", "staircase")),
    "no number": ((*EXPONENTIAL[:3], "decay_rate=fast"), ("decay_rate=fast", "a number")),
    "no switch": ((*EXPONENTIAL, "staircase=1"), ("staircase=1", "true or false")),
    "out of range": ((*EXPONENTIAL[:3], "decay_rate=-1"), ("decay_rate", "decay_rate >= 0")),
    "twice": ((*EXPONENTIAL, "decay_rate=1"), ("decay_rate", "twice")),
    "no name": (("start=2",), ("start=2", "no schedule")),
    "an optimizer": (("sgd",), ("SGD is an optimizer",)),
    "a feature": (("average",), ("average is a feature",)),
    "nothing": (("nothing.toml",), ("nothing.toml",)),
    "no list": (("PiecewiseConstantDecay", "boundaries=1;2", "values=1"), ("boundaries=1;2",)),
    "no picture": ((*EXPONENTIAL, "--picture", "out.doc"), (".png",)),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_a_usage_error(mistake: str, folder: Path) -> None:
    words, said = MISTAKES[mistake]
    result = run(*words)
    assert result.exit_code == 2
    for part in said:
        assert part in result.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["mine.toml"]


def test_a_wrong_spec_is_shown(folder: Path) -> None:
    (folder / "mine.toml").write_text(SPEC.replace("sqrt(1 + calls)", "sqrt(1 + cals)"))
    result = run("mine.toml", "start=2")
    assert result.exit_code == 1
    assert "mine.toml:7:24: error: 'cals' is not defined" in result.stderr


def test_matplotlib_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run(*EXPONENTIAL)
    assert result.exit_code == 2
    assert "optgen[demo]" in result.stderr
