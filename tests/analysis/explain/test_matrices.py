"""The cost of products and decompositions of matrices, counted by hand and by a run."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import optgen
from optgen.analysis.explain import costs
from optgen.cli import app
from optgen.compiler.ir.cost import Call, Cost
from optgen.compiler.library import optimizer_files
from optgen.compiler.pipeline import load_all, plan_of, surroundings
from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.cpu.memory import HostMemory
from tests.chosen import first_of

HERE = Path(__file__).parents[1] / "prove" / "matrices"
AROUND = surroundings()
SIZE = (6, 10)


@cache
def cards(name: str) -> dict[str, Cost]:
    (spec,) = load_all([HERE / f"{name}.toml"])
    return {card.setting: card for card in costs(plan_of(spec, AROUND))}


def said(calls: tuple[Call, ...]) -> list[tuple[int, str]]:
    return [(call.times, str(call.operations)) for call in calls]


def test_products_of_a_polynomial_of_a_matrix() -> None:
    """Five times a gram matrix, its square, and the product of both with the matrix.

    The square of a symmetric matrix is half the work of another product.
    """
    card = cards("ortho")["where matrix"]
    assert said(card.calls) == [
        (5, "fewer**2*more"),
        (5, "fewer**3"),
        (4, "2*fewer**2*more"),
        (1, "2*fewer**2*more"),
    ]
    m, n = SIZE
    work = sum(call.operations_at(*SIZE) for call in card.calls)
    assert work == 5 * (m * m * n + m**3 + 2 * m * m * n)
    moved = sum(call.bytes_at(*SIZE) for call in card.calls)
    # All but the last product are added to a matrix in the same call.
    added = 5 * m * m + 4 * m * n
    assert moved == 4 * (5 * ((m * n + m * m) + 2 * m * m + (m * m + 2 * m * n)) + added)
    assert not cards("ortho")["plain"].calls


def test_both_orientations_cost_the_same() -> None:
    for call in cards("ortho")["where matrix"].calls:
        assert call.operations_at(6, 10) == call.operations_at(10, 6)


def test_products_with_the_own_transpose_are_half() -> None:
    first, second, left, right = cards("gramsum")["where matrix"].calls
    m, n = SIZE
    assert first.operations_at(*SIZE) == m * n * m
    assert second.operations_at(*SIZE) == n * m * n
    assert left.operations_at(*SIZE) == 2 * m * m * n
    assert right.operations_at(*SIZE) == 2 * m * n * n


def test_decompositions_count_in_the_calls_that_make_them() -> None:
    every = cards("rooted")
    rare = every["where matrix, step % period == 1"]
    usual = every["where matrix"]
    more = {call.function for call in rare.calls} - {call.function for call in usual.calls}
    assert more == {"inverse_root"}
    assert {str(call.operations) for call in rare.calls if call.function == "inverse_root"} == {
        "11*rows**3",
        "11*columns**3",
    }


@pytest.mark.usefixtures("python_kernels")
@pytest.mark.parametrize("name", ["ortho", "gramsum", "rooted", "based"])
def test_scratch_memory_is_what_the_runtime_takes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each matrix fills its cache lines.
    size = (16, 24)
    taken: list[int] = []
    original = HostMemory.scratch

    def scratch(self: HostMemory, near: Array, shape: tuple[int, ...]) -> Array:
        found = original(self, near, shape)
        taken.append(found.nbytes)
        return found

    monkeypatch.setattr(HostMemory, "scratch", scratch)
    made = optgen.compile(HERE / f"{name}.toml")(learning_rate=0.1)
    variable = np.ones(size, np.float32)
    made.apply([variable.copy()], [variable])
    assert sum(taken) == cards(name)["where matrix"].scratch_bytes(*size)


@pytest.mark.parametrize("style", first_of(["text", "markdown", "html"], 1))
def test_products_are_told_in_each_format(style: str) -> None:
    path = HERE / "ortho.toml"
    result = CliRunner().invoke(app, ["explain", str(path), "--format", style])
    assert result.exit_code == 0, result.output
    shown = result.output.replace("\\", "")
    assert "15 such calls of a library in a step" in shown
    assert "1024 by 4096" in shown


def test_formulas_are_in_each_format() -> None:
    path = str(HERE / "based.toml")
    tex = CliRunner().invoke(app, ["explain", path, "--format", "latex"]).output
    assert r"^{\top} \mathbin{@} g \mathbin{@}" in tex
    assert "operatorname{@}" not in tex


LOW_RANK = '''
name = "LowRank"

[hyperparameters]
learning_rate = { default = 0.1 }
rank = { default = 3, integer = true, range = "rank >= 1" }

[matrix]
view = "first by rest"
rank = "rank"

[state]
basis = { when = "matrix", shape = "short by rank" }

[update]
rule = """
if matrix:
    basis = singular_vectors(grad, rank)
    change = learning_rate*(basis @ (transpose(basis) @ grad))
else:
    change = learning_rate*grad
"""
'''


def test_a_rank_is_a_side_of_products(tmp_path: Path) -> None:
    (tmp_path / "low.toml").write_text(LOW_RANK, encoding="utf-8")
    (spec,) = load_all([tmp_path / "low.toml"])
    every = {card.setting: card for card in costs(plan_of(spec, AROUND))}
    vectors, down, up = every["where matrix"].calls
    assert vectors.function == "singular_vectors"
    for rows, columns in ((300, 200), (200, 300)):
        for product in (down, up):
            assert product.operations_at(rows, columns) == 2 * 200 * 128 * 300
        assert vectors.operations_at(rows, columns) == 22 * 200**3
        read_and_written = 200 * 128 + 200 * 300 + 128 * 300
        assert down.bytes_at(rows, columns) == 4 * read_and_written
    # No rank is larger than the shorter side.
    assert down.operations_at(64, 300) == 2 * 64 * 64 * 300


def test_every_rule_with_a_rank_has_a_cost() -> None:
    named = [path for path in optimizer_files() if "rank" in path.read_text(encoding="utf-8")]
    specs = [spec for spec in load_all(named) if spec.rank is not None]
    assert specs
    for spec in specs:
        found = {card.setting: card for card in costs(plan_of(spec, AROUND))}
        assert found["where matrix"].calls
        assert all(call.operations_at(64, 96) > 0 for call in found["where matrix"].calls)
