"""Steps are timed in turns, beside a floor that is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from optgen.bench import startup
from optgen.bench.cases import Case, cases, own_files, read
from optgen.bench.models import Model, models
from optgen.bench.run import figure
from optgen.bench.time_budget import Clock
from optgen.bench.timing import FEWEST, Times, in_turns, ratio
from optgen.bench.user_specs import generated
from optgen.cli import app
from optgen.cli.commands import bench

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
    (spec,) = read([name])
    assert Case(spec, own).floor_bytes() == floor
    # An average is read and written, and the gradient read once more for its norm.
    assert Case(spec, own, EVERYTHING).floor_bytes() == floor + 12
    assert Case(spec, {**own, "gradient_accumulation_steps": 2}).floor_bytes() == floor + 8


def test_shapes_are_those_of_the_models() -> None:
    found = models()
    assert found["resnet50"].size == 25_557_032
    assert found["gpt2_small"].size == 124_439_808
    assert len(found["many_tiny"].shapes) == 1000


def test_matrices_of_a_model_are_without_embeddings_and_vectors() -> None:
    shapes = {*models()["gpt2_small"].matrices().shapes}
    assert shapes == {(1024, 768), (768, 768), (768, 2304), (768, 3072), (3072, 768)}
    # A filter by all that it reads.
    assert (64, 3 * 7 * 7) in models()["resnet50"].matrices().shapes


def test_functions_take_turns() -> None:
    called: list[str] = []
    found = in_turns({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, 5, 60.0)
    assert called == ["a", "b"] * (len(called) // 2)
    assert len(found["a"].seconds) == 5
    assert len(in_turns({"a": lambda: None}, 50, 0.0)["a"].seconds) == FEWEST


def test_ratios_are_of_pairs() -> None:
    # The machine was ten times as slow in the second round, for both.
    assert ratio(Times((1.0, 10.0, 1.0)), Times((2.0, 20.0, 2.0))) == 2.0
    assert Times((1.0, 2.0, 3.0, 4.0)).median == 2.5


def test_cases() -> None:
    assert [case.title for case in cases(read(["adam"]))] == ["Adam", "Adam with everything on"]
    assert len(cases(read([]))) == 10
    with pytest.raises(FileNotFoundError, match="adamm"):
        read(["adamm"])
    assert not cases(read(["clipnorm", "cosinedecay"]))


def test_a_clock_shares_what_is_left() -> None:
    assert Clock().share(3, 20.0) == 20.0
    assert Clock(9.0).share(3, 20.0) <= 3.0
    assert Clock(0.0).share(1, 20.0) <= 0.0


@pytest.mark.full
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
    for wrong in (["--model", "nothing"], ["adamm"], ["clipnorm"]):
        assert CliRunner().invoke(app, ["bench", *wrong]).exit_code == 2


#: A rule of a user's own, which reads and writes one state.
SPEC = '''
name = "Mine"
[state]
total = {}
[update]
rule = """
total = total + abs(grad)
param = param - learning_rate*grad/(total + 1)
"""
'''


def test_a_spec_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, figures = tmp_path / "mine.toml", tmp_path / "figures.json"
    path.write_text(SPEC)
    # No time at all: the first step isn't timed, and is named.
    monkeypatch.setattr(bench, "_QUICK_SECONDS", 0.0)
    monkeypatch.setattr(startup, "import_seconds", lambda: 1.0)
    where = ["--model", "many_tiny", "--quick", "--json", str(figures)]
    result = CliRunner().invoke(app, ["bench", str(path), *where])
    assert result.exit_code == 0, result.output
    found = json.loads(figures.read_text())
    # Parameter and state are read and written, the gradient is read.
    assert [one["bytes_moved"] for one in found["steps"]] == [64_000 * 20, 64_000 * 32]
    assert found["left_out"] == ["the first step of Mine", "the build of all"]
    assert "no time for the first step of Mine and 1 more" in result.stderr
    path.write_text(SPEC.replace("abs(grad)", "abs(gradient)"))
    assert CliRunner().invoke(app, ["bench", str(path)]).exit_code == 1


#: A rule that multiplies each matrix with its Gram matrix.
MATRICES = '''
name = "Mine"
[matrix]
view = "first by rest"
[update]
rule = """
if matrix:
    change = learning_rate*(gram(grad) @ grad)
else:
    change = learning_rate*grad
"""
'''


def test_calls_of_libraries_are_timed_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MATRICES)
    specs = read([str(path)])
    model = Model("two", ((8, 4), (3,)))
    with generated(own_files(specs)):
        (plain, _) = cases(specs)
        found, notes = figure(plain, model, [], rounds=3, seconds=1.0, compiled=False)
        calls = plain.run(model).matrix_calls()
    assert not notes
    assert found.milliseconds_of_calls is not None
    assert calls is not None
    assert cases(read(["sgd"]))[0].run(model).matrix_calls() is None


def test_first_steps_of_a_package_that_is_not_installed(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SPEC)
    specs = read([str(path)])
    with generated(own_files(specs)) as folder:
        cold, cached = startup.first_step_seconds(cases(specs)[0], folder)
    assert cold > 0
    assert cached > 0
