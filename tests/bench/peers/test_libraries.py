"""Which libraries a benchmark is given, and which are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from optgen.bench import startup
from optgen.bench.models import Model
from optgen.bench.peers import libraries
from optgen.bench.peers.libraries import USUAL, installed, known
from optgen.cli import app
from optgen.cli.commands import bench


def test_names_on_a_command_line() -> None:
    assert known(["optax,keras", "torch", "keras"]) == ("optax", "keras", "torch")
    assert known([]) == ()
    with pytest.raises(
        ValueError, match="there is no peer 'optaxx'; there are torch, keras, optax"
    ):
        known(["optaxx"])
    result = CliRunner().invoke(app, ["bench", "sgd", "--peer", "optaxx"])
    assert result.exit_code == 2
    assert "there is no peer 'optaxx'" in result.stderr


def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "find_spec", lambda name: None if name == "jax" else name)
    notes: list[str] = []
    assert installed(["optax,torch"], notes) == ["torch"]
    assert notes == ["there is no comparison with optax: python -m pip install jax"]
    assert installed([], notes) == [*USUAL]
    # Nobody named what is missing here.
    monkeypatch.setattr(libraries, "find_spec", lambda name: None)
    assert installed([], notes) == []
    assert len(notes) == 1


@pytest.mark.usefixtures("python_kernels")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_tiny_run_beside_every_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "models", lambda: {"small": Model("small", ((6, 8), (5,)))})
    monkeypatch.setattr(bench, "growth", lambda *_: {})
    monkeypatch.setattr(bench, "_QUICK_MODELS", ("small",))
    monkeypatch.setattr(bench, "_QUICK_SECONDS", 0.0)
    monkeypatch.setattr(startup, "import_seconds", lambda: 1.0)
    path = tmp_path / "figures.json"
    wish = ["--quick", "--peer", "optax,torch", "--peer", "keras", "--json", str(path)]
    result = CliRunner().invoke(app, ["bench", "lamb", *wish])
    assert result.exit_code == 0, result.output
    found = json.loads(path.read_text())
    plain, full = found["steps"]
    assert plain["peers"].keys() == {"optax", "keras"}
    assert min(plain["peers"].values()) > 0
    # With features, weight decay is another thing in Keras.
    assert not full["peers"]
    (note,) = found["notes"]
    assert note.startswith("keras computes something else than LAMB with everything on on small")
    assert "warning: keras computes something else" in result.stderr
    assert found["machine"]["keras backend"] == "torch"
    assert {"jax", "optax", "torch"} <= found["machine"].keys()
