"""Steps with each storage are timed, and their bytes counted from arrays."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from optgen.bench.cases import cases, read
from optgen.bench.models import Model
from optgen.bench.storage import storage_figures
from optgen.cli import app
from optgen.compiler.ir.storage import stored_as

#: Large enough for states with codes.
MODEL = Model("two", ((128, 64), (64,)))
#: Bytes of a parameter that a step of a rule with two states moves: parameter and states twice,
#: gradient once. 1/16 of a byte is what a block of 64 codes has besides.
MOVED = {
    "float32": 28,
    "param=float32,states=bfloat16": 20,
    "param=bfloat16,states=float32": 22,
    "param=bfloat16,states=bfloat16": 14,
    "param=bfloat16,states=bfloat16,rounding=split": 18,
    "param=bfloat16,states=int8,rounding=split": 6 + 4 + 4 * 17 / 16,
}


def test_bytes_are_those_of_arrays() -> None:
    notes: list[str] = []
    with patch("optgen.bench.storage.declarations") as declared:
        declared.return_value.storage_peers = {}
        found = {
            one.storage: one
            for one in storage_figures(cases(read(["adam"]))[0], MODEL, [], 3, 0.1, notes)
        }
    for storage, moved in MOVED.items():
        # The small variable has no codes.
        assert found[storage].moved == pytest.approx(moved, rel=0.02), storage
        assert found[storage].milliseconds > 0
    assert found["float32"].relative == 1
    assert found["float32"].held == 16
    assert not notes


def test_gradients_are_read_twice_for_their_norm() -> None:
    """With everything on there is an average, too, which is stored as states are."""
    half = "param=bfloat16,states=bfloat16"
    (plain, full) = (
        list(storage_figures(case, MODEL, [stored_as(half)], 3, 0.1, []))
        for case in cases(read(["adam"]))
    )
    assert [one.storage for one in full] == ["float32", half]
    assert [one.moved for one in plain] == [28, 14]
    assert [one.moved for one in full] == [28 + 4 + 8, 14 + 2 + 4]
    assert [one.everything_on for one in (*plain, *full)] == [False, False, True, True]


def test_the_command_takes_storages() -> None:
    given = ["bench", "lion", "--everything", "--stored", "states=int8", "--quick"]
    result = CliRunner().invoke(app, [*given, "--model", "many_tiny"])
    assert result.exit_code == 0, result.output
    assert "Lion with everything on on 1000 x 64" in result.output
    assert "param=float32,states=int8" in result.output
    assert "bfloat16" not in result.output


def test_an_unknown_storage_is_refused() -> None:
    result = CliRunner().invoke(app, ["bench", "lion", "--stored", "states=int9"])
    assert result.exit_code == 2
    assert "states=int9" in result.output


def test_the_command_prints_and_writes_figures(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    with patch("optgen.bench.storage.find_spec", return_value=None):
        given = ["bench", "sgd", "adam", "--storage", "--quick", "--model", "many_tiny"]
        result = CliRunner().invoke(app, [*given, "--json", str(path)])
    assert result.exit_code == 0, result.output
    assert "torch, fused, bfloat16: torch isn't installed" in result.output.replace("\n", " ")
    rows = json.loads(path.read_text())["storage"]
    assert {one["case"] for one in rows} == {"SGD(momentum=0.9)", "Adam"}
    assert all(one["share_of_floor"] is None for one in rows)
