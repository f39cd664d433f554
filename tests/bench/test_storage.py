"""Steps with each storage are timed, and their bytes counted from arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from optgen.bench.cases import cases, read
from optgen.bench.models import Model
from optgen.bench.storage import StorageFigure, storage_figures
from optgen.cli import app
from optgen.compiler.ir.storage import USUAL, stored_as

#: The first variable is large enough for states with codes.
MODEL, SMALL = Model("two", ((128, 64), (64,))), Model("small", ((4, 8), (3,)))
#: Bytes of a parameter that a step of a rule with two states moves: parameter and states twice,
#: gradient once. Python stores none of the others.
MOVED = {
    "float32": 28,
    "param=float32,states=bfloat16": 20,
    "param=bfloat16,states=float32": 22,
    "param=bfloat16,states=bfloat16": 14,
}
#: Those of a rule with one state, and with what is kept of rounding, which is read and written.
#: 1/16 of a byte is what a block of 64 codes has besides.
KEPT = {
    "param=bfloat16,states=bfloat16,rounding=split": 2 + 4 + 4 + 4,
    "param=bfloat16,states=int8,rounding=split": 2 + 4 + 4 + 2 * 17 / 16,
}


def figures(rule: str, model: Model, moved: Mapping[str, float]) -> dict[str, StorageFigure]:
    """The figures of a rule in some storages, whose bytes are compared."""
    case, *_ = cases(read([rule]))
    listed = [stored_as(one) for one in moved if one != "float32"]
    found = {one.storage: one for one in storage_figures(case, model, listed, 3, 0.1, [])}
    for storage, count in moved.items():
        # The small variable has no codes.
        assert found[storage].moved == pytest.approx(count, rel=0.02), storage
        assert found[storage].milliseconds > 0
    return found


@pytest.mark.usefixtures("python_kernels")
def test_bytes_are_those_of_arrays() -> None:
    found = figures("adam", SMALL, MOVED)
    assert found["float32"].relative == 1
    assert found["float32"].held == 16


def test_bytes_of_codes_and_of_what_is_kept() -> None:
    found = figures("sgd", MODEL, KEPT)
    assert found["float32"].moved == 20
    assert {*MOVED, *KEPT} <= {*map(str, USUAL)}


@pytest.mark.usefixtures("python_kernels")
def test_gradients_are_read_twice_for_their_norm() -> None:
    """With everything on there is an average, too, which is stored as states are."""
    half = "param=bfloat16,states=bfloat16"
    (plain, full) = (
        list(storage_figures(case, SMALL, [stored_as(half)], 3, 0.1, []))
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
    with (
        patch("optgen.bench.storage.find_spec", return_value=None),
        patch("optgen.bench.storage.USUAL", USUAL[:2]),
    ):
        given = ["bench", "adam", "--storage", "--quick", "--model", "many_tiny"]
        result = CliRunner().invoke(app, [*given, "--json", str(path)])
    assert result.exit_code == 0, result.output
    assert "torch, fused, bfloat16: torch isn't installed" in result.output.replace("\n", " ")
    rows = json.loads(path.read_text())["storage"]
    assert {(one["case"], one["storage"]) for one in rows} == {
        ("Adam", str(one)) for one in USUAL[:2]
    }
    assert all(one["share_of_floor"] is None for one in rows)
