"""Steps are timed in turns, beside a floor that is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from optgen.bench import startup
from optgen.bench.cases import Case, cases
from optgen.bench.models import models
from optgen.bench.timing import Times, in_turns, ratio
from optgen.cli import app

EVERYTHING: dict[str, Any] = {
    "loss_scale_factor": 2.0,
    "global_clipnorm": 1.0,
    "weight_decay": 0.01,
    "use_ema": True,
}


@pytest.mark.parametrize(
    ("name", "own", "floor"),
    [
        ("SGD", {}, 12),
        ("SGD", {"momentum": 0.9}, 20),
        ("RMSprop", {}, 20),
        ("RMSprop", {"momentum": 0.9}, 28),
        ("Adadelta", {}, 28),
        ("Adamax", {}, 28),
        ("Adam", {}, 28),
    ],
)
def test_the_bytes_of_a_step(name: str, own: dict[str, Any], floor: int) -> None:
    assert Case(name, own).floor_bytes() == floor
    # An average is read and written, and the gradient read once more for its norm.
    assert Case(name, own, EVERYTHING).floor_bytes() == floor + 12
    assert Case(name, {**own, "gradient_accumulation_steps": 2}).floor_bytes() == floor + 8


def test_shapes_are_those_of_the_models() -> None:
    found = models()
    assert found["resnet50"].size == 25_557_032
    assert found["gpt2_small"].size == 124_439_808
    assert len(found["many_tiny"].shapes) == 1000


def test_functions_take_turns() -> None:
    called: list[str] = []
    found = in_turns({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, 5, 60.0)
    assert called == ["a", "b"] * (len(called) // 2)
    assert len(found["a"].seconds) == 5
    assert len(in_turns({"a": lambda: None}, 50, 0.0)["a"].seconds) == 5


def test_ratios_are_of_pairs() -> None:
    # The machine was ten times as slow in the second round, for both.
    assert ratio(Times((1.0, 10.0, 1.0)), Times((2.0, 20.0, 2.0))) == 2.0
    assert Times((1.0, 2.0, 3.0, 4.0)).median == 2.5


def test_cases() -> None:
    assert [case.label for case in cases(["adam"])] == ["Adam", "Adam"]
    assert len(cases([])) == 10
    with pytest.raises(ValueError, match="no optimizer 'adamm'"):
        cases(["adamm"])


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "build_seconds", lambda: 1.0)
    figures, picture = tmp_path / "figures.json", tmp_path / "chart.svg"
    where = ["--json", str(figures), "--picture", str(picture)]
    result = CliRunner().invoke(app, ["bench", "sgd", "--model", "many_tiny", "--quick", *where])
    assert result.exit_code == 0, result.output
    found = json.loads(figures.read_text())
    assert [one["everything_on"] for one in found["steps"]] == [False, True]
    assert all(one["milliseconds"] > 0 and one["peers"]["keras"] > 0 for one in found["steps"])
    assert {"torch loop", "foreach", "fused"} <= found["steps"][0]["peers"].keys()
    assert set(found["growth"]["SGD(momentum=0.9)"]) == {"1", "10", "100", "1000", "10000"}
    assert "1000 x 64" in picture.read_text()
    assert CliRunner().invoke(app, ["bench", "--model", "nothing"]).exit_code == 2
