"""Rules with products, roots and bases of matrices, and with a planted error: what is found."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import pytest

from optgen.analysis.reports import findings
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.proof import ASIDE, EVERY, WARNED, Finding, Group, Verdict
from optgen.compiler.read.load import load

HERE = Path(__file__).parent / "matrices"
SOUND = sorted(HERE.glob("*.toml"))
#: Seconds that the checker may take for one rule on a slow machine; most take less than one.
MOST_SECONDS = 60

#: The rule, what stands there, what is written instead, and where that shows; a text is part of
#: the error of the spec.
PLANTED: tuple[tuple[str, str, str, Group | str], ...] = (
    ("ortho", "norm(velocity) + 1e-7", "norm(velocity)", Group.DOMAIN),
    ("ortho", "velocity/(norm(velocity) + 1e-7)", "velocity", Group.DEGREE),
    ("ortho", "norm(velocity) + 1e-7", "norm(velocity)**2 + 1e-7", Group.DEGREE),
    ("ortho", "norm(velocity)", "sum(velocity)", Group.BEHAVIOUR),
    ("ortho", "(1 - momentum)*grad", "(1 + momentum)*grad", Group.WEIGHTS),
    ("ortho", "change = learning_rate*x", "change = -learning_rate*x", Group.BEHAVIOUR),
    ("ortho", "2.0315*a@a", "2.0315*a*a", Group.BEHAVIOUR),
    ("ortho", "a = gram(x)", "a = gram(velocity)", Group.DEGREE),
    ("ortho", "(2.0315*a@a - 4.775*a) @ x", "x @ (2.0315*a@a - 4.775*a)", "can't be multiplied"),
    ("ortho", "a@a - 4.775*a", "a@a - 4.775*x", "one number for each"),
    ("gramsum", "norm(left)*norm(right) + 1e-8", "norm(left)*norm(right)", Group.DOMAIN),
    ("gramsum", "norm(left)*norm(right)", "norm(left)", Group.DEGREE),
    ("gramsum", "beta*left + (1 - beta)", "beta*left + (1 + beta)", Group.WEIGHTS),
    ("gramsum", "(left @ grad @ right)", "(right @ grad @ left)", "can't be multiplied"),
    ("gramsum", "(left @ grad @ right)", "-(left @ grad @ right)", Group.DESCENT),
    ("gramsum", "grad @ transpose(grad)", "transpose(grad) @ grad", "pair of columns"),
    ("rooted", "inverse_root(left, 4, epsilon)", "inverse_root(left, 4, 0)", Group.DOMAIN),
    ("rooted", "beta*left + grad", "beta*left - grad", Group.DOMAIN),
    ("rooted", "inverse_root(left, 4,", "inverse_root(left, 2,", Group.DEGREE),
    ("rooted", "inverse_root(right, 4, epsilon)", "right", Group.DEGREE),
    ("rooted", "left_root @ grad @ right_root", "left_root @ grad", "is never read"),
    ("rooted", "*(left_root @", "*-(left_root @", Group.DESCENT),
    ("rooted", "step % period == 1", "step % period == period", Group.BEHAVIOUR),
    ("rooted", "left_root = inverse_root(left", "left_root = inverse_root(right", "columns"),
    ("based", "transpose(left_basis) @ grad @", "left_basis @ grad @", Group.BEHAVIOUR),
    ("based", "@ transpose(right_basis))", "@ right_basis)", Group.BEHAVIOUR),
    ("based", "(transpose(left_basis) @ m @ right_basis)", "m", Group.BEHAVIOUR),
    ("based", "turned**2", "turned", Group.INVARIANT),
    (
        "based",
        "v = beta_2*v + (1 - beta_2)*turned",
        "v = beta_2*v + (1 - beta_1)*turned",
        Group.WEIGHTS,
    ),
    ("based", "= eigenvectors(left)", "= left", Group.DEGREE),
    ("based", "= eigenvectors(left)", "= eigenvectors(left_basis)", Group.BEHAVIOUR),
    ("based", "grad @ transpose(grad)", "grad @ transpose(m)", Group.BEHAVIOUR),
    ("based", "/(sqrt(v) + epsilon)) @", "/sqrt(v)) @", Group.DOMAIN),
)
#: Errors that nothing shows, each with the reason.
UNSEEN: tuple[tuple[str, str, str, str], ...] = (
    ("ortho", "3.4445*x", "3.4*x", "other coefficients make another rule of the same kind"),
    ("ortho", "repeat 5", "repeat 4", "one product less is a coarser approximation"),
    ("ortho", "gram(x)", "x @ transpose(x)", "the same product where rows are fewer"),
    ("rooted", "(left_root @ grad", "(transpose(left_root) @ grad", "a symmetric square is itself"),
    ("rooted", "beta*left + grad", "beta*left + 2*grad", "a sum has no weights"),
)


@cache
def found(path: Path, of: frozenset[Group] = EVERY) -> tuple[Finding, ...]:
    return findings(load(path), of)


def of_matrices(path: Path, of: frozenset[Group] = EVERY) -> list[Finding]:
    return [one for one in found(path, of) if "not matrix" not in one.variant]


def planted(tmp_path: Path, name: str, old: str, new: str) -> Path:
    text = (HERE / f"{name}.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "planted.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)
def test_no_sound_rule_is_refused_or_warned_of(path: Path) -> None:
    assert of_matrices(path)
    for one in of_matrices(path):
        assert not one.crash, one.crash
        assert not one.is_refuted or (
            one.group in ASIDE and one.group not in WARNED - {Group.KNOWN}
        )
        assert one.verdict is Verdict.PROVED or one.reason or one.fails, one


@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)
def test_all_but_the_sign_of_the_first_step_is_proved(path: Path) -> None:
    groups = {Group.INVARIANT, Group.DOMAIN, Group.DESCENT, Group.ODDNESS, Group.DEGREE}
    every = [one for one in of_matrices(path) if one.group in groups]
    assert {one.group for one in every} >= groups - {Group.INVARIANT}
    left = {one.statement for one in every if one.verdict is not Verdict.PROVED}
    assert left == {"the first step goes against the gradient"}


def test_squares_that_are_sums_of_products_with_a_transpose_are_semidefinite() -> None:
    every = {one.statement for one in found(HERE / "rooted.toml") if one.group is Group.INVARIANT}
    squares = ("left", "right", "left_root", "right_root")
    assert every == {f"{name} is symmetric and positive semidefinite always" for name in squares}


def test_what_may_not_be_symmetric_has_no_proof(tmp_path: Path) -> None:
    path = planted(tmp_path, "based", "grad @ transpose(grad)", "grad @ transpose(m)")
    domains = of_matrices(path, frozenset({Group.DOMAIN}))
    (one,) = (f for f in domains if "eigenvectors(left) is defined" in f.statement)
    assert one.verdict is Verdict.UNDECIDED
    assert "transpose" in one.reason


@pytest.mark.parametrize(
    "error", PLANTED, ids=[f"{name}: {new}"[:50] for name, _, new, _ in PLANTED]
)
def test_planted_errors_are_found(error: tuple[str, str, str, Group | str], tmp_path: Path) -> None:
    *which, where = error
    path = planted(tmp_path, *which)
    if not isinstance(where, Group):
        with pytest.raises(SpecError) as caught:
            found(path)
        assert any(where in str(one) for one in caught.value.problems)
        return
    start = time.monotonic()
    every = of_matrices(path, frozenset({where}))
    assert time.monotonic() - start < MOST_SECONDS
    assert not any(one.crash for one in every)
    assert any(one.is_refuted for one in every)


@pytest.mark.parametrize("error", UNSEEN, ids=[f"{name}: {new}" for name, _, new, _ in UNSEEN])
def test_errors_that_cant_be_found(error: tuple[str, str, str, str], tmp_path: Path) -> None:
    name, old, new, _ = error
    path = planted(tmp_path, name, old, new)
    seen = EVERY - {Group.UNIT, Group.KNOWN}
    assert not any(one.is_refuted for one in of_matrices(path, seen)), (
        "this error is found now: it belongs in the list above"
    )


OF_RANK = '''
name = "NuclearBall"
[matrix]
view = "first by rest"
rank = "rank"
[hyperparameters]
learning_rate = { default = 0.1, range = "0 <= learning_rate <= 1" }
rank = { default = 1, integer = true, range = "rank >= 1" }
epsilon = { default = 1e-12, range = "epsilon > 0" }
[update]
rule = """
if matrix:
    left = singular_vectors(grad, rank)
    right = transpose(left) @ grad
    vertex = -(left @ right)/(norm(right) + epsilon)
else:
    vertex = -grad/(norm(grad) + epsilon)
param = (1 - learning_rate)*param + learning_rate*vertex
"""
'''


def test_a_rank_without_a_state_of_it_is_undecided(tmp_path: Path) -> None:
    """The right singular vectors have signs of their own, which may turn the product around."""
    path = tmp_path / "ball.toml"
    path.write_text(OF_RANK, encoding="utf-8")
    every = of_matrices(path)
    assert not any(one.crash for one in every)
    assert Group.DESCENT not in {one.group for one in every if one.is_refuted}
    assert any("side of a rank" in one.reason for one in every)
    text = OF_RANK.replace("transpose(left) @ grad", "singular_vectors(transpose(grad), rank)")
    path = tmp_path / "signless.toml"
    path.write_text(text.replace("left @ right", "left @ transpose(right)"), encoding="utf-8")
    assert Group.DESCENT in {one.group for one in found(path) if one.is_refuted}
