"""Rules with products of matrices: what is equal, what runs tell apart, and what stays open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optgen.analysis.compare import compare
from optgen.analysis.exact.representative import representative
from optgen.analysis.reports import comparison
from optgen.compiler.ir.comparison import Comparison, Setting
from optgen.compiler.ir.rule import Rule
from optgen.compiler.library import optimizer_files
from optgen.compiler.pipeline import checked_rule, load_all, surroundings
from tests.chosen import first_of

HERE = Path(__file__).parents[1] / "prove" / "matrices"


def rule(path: Path) -> Rule:
    (spec,) = load_all([path])
    return representative(checked_rule(spec))


def changed(name: str, old: str, new: str, folder: Path) -> Comparison:
    """The comparison of a rule with one that is written in another way."""
    text = (HERE / f"{name}.toml").read_text(encoding="utf-8")
    assert old in text
    path = folder / "other.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return compare(rule(HERE / f"{name}.toml"), rule(path), {}, {})


def of_matrices(found: Comparison) -> Setting:
    (one,) = (one for one in found.settings if "not matrix" not in one.label)
    return one


@pytest.mark.parametrize(
    ("name", "old", "new"),
    first_of(
        [
            ("gramsum", "left", "rows_squared"),
            (
                "gramsum",
                "(1 - beta)*(grad @ transpose(grad))",
                "(grad @ transpose(grad))*(1 - beta)",
            ),
            ("rooted", "beta*left + grad @ transpose(grad)", "grad @ transpose(grad) + left*beta"),
            ("based", "= eigenvectors(left)", "= eigenvectors(left*1)"),
            ("rooted", "inverse_root(left, 4,", "inverse_root(left, 2 + 2,"),
            ("based", "turned**2", "turned*turned"),
        ],
        4,
    ),
)
def test_equal_rules_are_proved_equal(name: str, old: str, new: str, tmp_path: Path) -> None:
    found = changed(name, old, new, tmp_path)
    assert found.equal is True, found


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("ortho", "3.4445", "3.4444"),
        ("ortho", "repeat 5", "repeat 4"),
        ("gramsum", "(1 - beta)*(grad @", "(grad @"),
        ("rooted", "inverse_root(left, 4,", "inverse_root(left, 3,"),
        ("rooted", "period == 1", "period == 0"),
        ("based", "@ transpose(right_basis))", "@ right_basis)"),
    ],
)
def test_runs_tell_rules_apart(name: str, old: str, new: str, tmp_path: Path) -> None:
    found = of_matrices(changed(name, old, new, tmp_path))
    assert found.equal is False
    assert {len(row) for row in found.gradients} == {6}
    one, other = found.parameters
    assert one != other


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        # Products are associative, and a symmetric square is its own transpose.
        ("ortho", "2.0315*a@a - 4.775*a) @ x", "2.0315*a@(a @ x) - 4.775*(a @ x))"),
        ("rooted", "(left_root @ grad", "(transpose(left_root) @ grad"),
    ],
)
def test_what_algebra_of_matrices_would_prove_stays_open(
    name: str, old: str, new: str, tmp_path: Path
) -> None:
    found = of_matrices(changed(name, old, new, tmp_path))
    assert found.equal is None
    assert "all runs agree" in found.why


def test_runs_are_those_of_numpy(tmp_path: Path) -> None:
    """The parameter after the first step in 50 digits, for a preconditioner by NumPy."""
    found = of_matrices(
        changed("rooted", "inverse_root(left, 4,", "inverse_root(left, 3,", tmp_path)
    )
    assert found.step == 1
    gradient = np.array(found.gradients[0]).reshape(2, 3)

    def root(square: np.ndarray, degree: int) -> np.ndarray:
        values, vectors = np.linalg.eigh(square + found.values["epsilon"] * np.eye(len(square)))
        return np.asarray(vectors @ np.diag(values ** (-1 / degree)) @ vectors.T)

    right = root(gradient.T @ gradient, 4)
    for degree, parameter in zip((4, 3), found.parameters, strict=True):
        step = root(gradient @ gradient.T, degree) @ gradient @ right
        expected = 1 - found.values["learning_rate"] * step
        assert np.abs(expected - parameter).min() < 1e-9


def test_singular_vectors_of_a_rank_leave_a_comparison_undecided() -> None:
    """No run has a rank; the rest of the rules is compared."""
    (low,) = load_all([path for path in optimizer_files() if path.stem == "galore"])
    assert low.fallback is not None
    found = comparison(low, low.fallback.spec, {}, {}, surroundings())
    verdicts = {setting.label.split(",")[0]: setting.equal for setting in found.settings}
    assert verdicts == {"not matrix": True, "matrix": None}
