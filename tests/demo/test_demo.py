"""The demo: its network, its data, and the command with few epochs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from typer.testing import CliRunner, Result

import optgen.optimizers
from optgen.bench.declarations import declarations
from optgen.cli import app
from optgen.cli.commands import demo
from optgen.compiler.library import SpecFiles, find_specs, optimizer_files
from optgen.demo import optional_packages
from optgen.demo.digits import TEST_IMAGES, load
from optgen.demo.network import Network
from tests.numeric.specs import COMPILED

FEW = ("adam", "lion", "rmsprop", "sgd")


def test_the_backward_pass_is_that_of_autograd() -> None:
    images, _ = load()
    network = Network()
    batch = next(iter(images.batches(1)))
    network.backward(batch)
    own = {p: torch.tensor(a, requires_grad=True) for p, a in network.parameters.items()}
    hidden = torch.relu(torch.tensor(batch.pixels) @ own["hidden/weights"] + own["hidden/biases"])
    scores = hidden @ own["output/weights"] + own["output/biases"]
    loss = torch.nn.functional.cross_entropy(scores, torch.tensor(batch.digits))
    loss.backward()  # type: ignore[no-untyped-call]
    for path, tensor in own.items():
        assert tensor.grad is not None
        np.testing.assert_allclose(network.gradients[path], tensor.grad.numpy(), atol=1e-6)
    assert network.evaluate(batch)[0] == pytest.approx(loss.item(), abs=1e-6)


def test_every_image_is_in_one_part() -> None:
    train, test = load()
    again, _ = load()
    np.testing.assert_array_equal(train.pixels, again.pixels)
    assert len(test) == TEST_IMAGES
    together = np.concatenate([train.pixels, test.pixels]) * 16
    everything = load_digits().data
    assert sorted(map(tuple, together.tolist())) == sorted(map(tuple, everything.tolist()))
    assert train.pixels.dtype == np.float32
    assert sorted(np.concatenate([b.digits for b in train.batches(3)])) == sorted(train.digits)


def test_the_demo_has_one_or_two_of_a_family() -> None:
    folders = {path.stem: path.parent.name for path in optimizer_files()}
    found = Counter(folders[name.lower()] for name in declarations().demo)
    assert max(found.values()) <= 2
    assert len(found) >= 9


def run_only(names: Collection[str], monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Run these, whatever is wanted; returns a list of what was."""
    wanted: list[list[str]] = []

    def chosen(given: Iterable[str]) -> SpecFiles:
        wanted.append([*given])
        return find_specs(names)

    monkeypatch.setattr(demo, "find_specs", chosen)
    return wanted


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Two optimizers that torch has, for what doesn't depend on which."""
    names = ("adagrad", "adam")
    run_only(names, monkeypatch)
    return names


def short_run(folder: Path) -> Result:
    picture = str(folder / "curves.png")
    return CliRunner().invoke(app, ["demo", "--epochs", "2", "--picture", picture])


def test_the_command(few: tuple[str, ...], tmp_path: Path) -> None:
    result = short_run(tmp_path)
    assert result.exit_code == 0, result.output
    table = result.stdout.split("learning", 1)[1].lower()
    assert all(f" {name} " in table for name in few)
    assert "torch:" in table
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("rules", [FEW, pytest.param(COMPILED, marks=pytest.mark.full)], ids=len)
def test_most_optimizers_pass_95_percent(
    rules: Collection[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    run_only(rules, monkeypatch)
    result = CliRunner().invoke(app, ["demo", "--picture", str(tmp_path / "curves.png")])
    lines = [line for line in result.stdout.splitlines() if ": loss" in line]
    assert {line.split(":")[0].lower() for line in lines} == {*rules}
    accuracies = [float(line.rsplit(" ", 1)[1].rstrip("%")) for line in lines]
    assert sum(accuracy > 95 for accuracy in accuracies) >= len(rules) - 1


def test_all_are_trained_only_where_they_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = run_only(["sgd"], monkeypatch)
    for option in ([], ["--all"]):
        path = str(tmp_path / "curves.png")
        arguments = ["demo", "--epochs", "1", "--picture", path, *option]
        assert CliRunner().invoke(app, arguments).exit_code == 0
    # No names are all specs.
    assert wanted == [[name.lower() for name in declarations().demo], []]


def test_without_torch_its_columns_are_left_out(
    few: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    result = short_run(tmp_path)
    assert result.exit_code == 0, result.output
    assert "torch:" not in result.stdout
    assert "torch.optim" not in result.stdout
    assert all(f" {name} " in result.stdout.lower() for name in few)


@pytest.mark.usefixtures("few")
def test_stale_files_are_named_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(demo, "generated_folder", lambda: tmp_path / "old")
    result = short_run(tmp_path)
    assert result.exit_code == 0, result.output
    assert f"{tmp_path / 'old'} is not what the specs say" in result.stderr
    assert "run optgen build" in result.stderr


@pytest.mark.usefixtures("few")
def test_an_optimizer_that_is_yet_to_be_generated_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(optgen.optimizers._registry._modules, "Adam")
    monkeypatch.delattr("optgen.optimizers.Adam", raising=False)
    result = short_run(tmp_path)
    assert result.exit_code == 1
    assert "Adam was not generated yet; run optgen build" in result.stderr
    assert "Training" not in result.stdout


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = optional_packages.optional
    monkeypatch.setattr(
        optional_packages, "optional", lambda n: None if "sklearn" in n else found(n)
    )
    result = CliRunner().invoke(app, ["demo", "--picture", str(tmp_path / "curves.png")])
    assert result.exit_code == 2
    assert "scikit-learn" in result.stderr
    assert "optgen[demo]" in result.stderr


def test_a_picture_that_could_not_be_written_is_refused_first(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere" / "curves.png", tmp_path / "curves.nonsense"):
        result = CliRunner().invoke(app, ["demo", "--picture", str(path)])
        assert result.exit_code == 2
        assert "Training" not in result.stdout
