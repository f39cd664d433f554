"""Bounds of a step: those that theory gives, and runs that reach them and never pass them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optgen import optimizers
from optgen.compiler.ir.proof import TOLD, Finding, Group, Verdict
from optgen.compiler.library import optimizer_files
from tests.analysis.prove.test_rules import HERE, found

BUILT_IN = {path.stem: path for path in optimizer_files()}
INFORMED = frozenset({Group.UNIT, Group.SIZE})
FIRST, EVER = "the first step", "every step"
ADAM = "(1 - beta_1)/sqrt((1 - beta_2)*(1 - beta_1**2/beta_2))"
ROOT, MOMENTUM = "1/sqrt(1 - rho)", "1/(sqrt(1 - rho)*(1 - momentum))"
#: What is said of a rule where a setting holds; None where steps have no bound.
BOUNDS = [
    ("sgd", "not momentum > 0, not nesterov", None, None),
    ("sgd", "momentum > 0, nesterov", None, None),
    ("rmsprop", "not centered, not momentum > 0", ROOT, ROOT),
    (
        "rmsprop",
        "not centered, momentum > 0",
        "1/sqrt(1 - rho)",
        "1/(sqrt(1 - rho)*(1 - momentum))",
    ),
    ("rmsprop", "centered, not momentum > 0", "1/(sqrt(1 - rho)*sqrt(rho))", None),
    ("adadelta", "", "sqrt(epsilon)/sqrt(1 - rho)", None),
    ("adamax", "", "1", "(1 - beta_1)/(1 - beta_1/beta_2)"),
    ("adam", "not amsgrad", "1", ADAM),
    ("adam", "amsgrad", "1", ADAM),
    ("lion", "", "1", "1"),
    ("signsgd", "", "1", "1"),
]


def sizes(name: str, variant: str) -> Iterator[Finding]:
    path = BUILT_IN.get(name, HERE / "sound" / f"{name}.toml")
    for statement in (FIRST, EVER):
        (finding,) = (
            one
            for one in found(path, INFORMED)
            if one.group is Group.SIZE
            and one.variant == variant
            and one.statement.startswith(statement)
        )
        yield finding


@pytest.mark.parametrize(("name", "variant", "first", "ever"), BOUNDS)
def test_bounds_are_those_of_theory(
    name: str, variant: str, first: str | None, ever: str | None
) -> None:
    for finding, expected in zip(sizes(name, variant), (first, ever), strict=True):
        if expected is None:
            assert finding.verdict is Verdict.REFUTED
            assert "learning rates" in finding.reason
        else:
            assert finding.verdict is Verdict.PROVED, finding
            assert finding.reason.split(",")[0] == f"by {expected}"


def largest(name: str, runs: Collection[np.ndarray], **arguments: Any) -> float:
    """The largest step of an optimizer at a learning rate of 1, in float64.

    Each run is one element; a run that ends goes on with its last gradient.
    """
    optimizer = getattr(optimizers, name)(learning_rate=1.0, epsilon=1e-30, **arguments)
    longest = max(map(len, runs))
    gradients = np.stack([np.pad(run, (0, longest - len(run)), "edge") for run in runs])
    weights = np.zeros(len(gradients))
    found = 0.0
    for row in gradients.T:
        before = weights.copy()
        optimizer.apply([row.copy()], [weights])
        found = max(found, float(np.abs(weights - before).max()))
    return found


NOISE = np.random.default_rng(0)
RUNS = {
    "alike": np.ones(300),
    "growing": 1.001 ** np.arange(1000.0),
    "shrinking": 0.999 ** np.arange(1000.0),
    "normal": NOISE.normal(size=300),
    "heavy-tailed": NOISE.standard_cauchy(300),
    "late": np.concatenate([np.full(300, 1e-12), [1.0]]),
    "late and growing": np.concatenate([np.full(7000, 1e-12), (0.999 / 0.9) ** np.arange(60)]),
}
CLASSES = {
    "RMSprop": ({"rho": 0.9}, 1 / np.sqrt(1 - 0.9)),
    "Adamax": ({}, 0.1 / (1 - 0.9 / 0.999)),
    "Adam": ({}, 0.1 / np.sqrt(0.001 * (1 - 0.81 / 0.999))),
}


@pytest.mark.parametrize("name", CLASSES)
def test_no_run_passes_a_bound_and_one_comes_close(name: str) -> None:
    arguments, bound = CLASSES[name]
    reached = largest(name, RUNS.values(), **arguments)
    assert 0.999 * bound <= reached <= bound * (1 + 1e-9)


@pytest.mark.parametrize(
    ("name", "verdict", "unit"),
    [
        ("sgd", Verdict.REFUTED, "its unit is the gradient's"),
        ("rmsprop", Verdict.REFUTED, "its unit is 1"),
        ("adamax", Verdict.REFUTED, "its unit is 1"),
        ("adam", Verdict.REFUTED, "its unit is 1"),
        ("adadelta", Verdict.PROVED, ""),
        ("zeiler", Verdict.PROVED, ""),
        ("lars", Verdict.REFUTED, "it has no unit"),
    ],
)
def test_zeiler_s_argument(name: str, verdict: Verdict, unit: str) -> None:
    path = BUILT_IN.get(name, HERE / "sound" / f"{name}.toml")
    listed = [one for one in found(path, INFORMED) if one.group is Group.UNIT]
    assert {one.verdict for one in listed} == {verdict}
    assert all(unit in one.reason for one in listed)


SPEC = """
name = "Squared"
[hyperparameters]
learning_rate = { default = 0.1 }
epsilon = { default = 1e-8, range = "epsilon > 0" }
[update]
rule = '''
size = grad**2 + epsilon**2
param = param - learning_rate*grad/sqrt(size)
'''
"""


#: Where float32 ends.
ENDS = frozenset({Group.RANGE, Group.OVERFLOW, Group.UNDERFLOW})


def test_a_default_that_float32_loses_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "squared.toml"
    path.write_text(SPEC.replace("1e-8", "1e-25"))
    (lost,) = found(path, frozenset({Group.RANGE}))
    assert np.float32(lost.numbers["epsilon"]) > 0
    assert lost.numbers["epsilon"] == 1e-25
    assert np.float32(1e-25) ** 2 == 0


def test_gradients_that_overflow_and_numbers_that_vanish_are_told(tmp_path: Path) -> None:
    path = tmp_path / "squared.toml"
    path.write_text(SPEC)
    told = {one.statement: one for one in found(path, ENDS)}
    over = told["in float32 grad**2 has room for every gradient"]
    assert over.group in TOLD
    gradient = np.float32(over.numbers["grad"])
    with np.errstate(over="ignore"):
        assert np.isinf(gradient**2)
        assert np.isfinite((gradient / np.float32(1.5)) ** 2)
    (under,) = (one for name, one in told.items() if "for each epsilon" in name)
    assert under.group in TOLD
    epsilon = under.numbers["epsilon"]
    assert np.float32(epsilon**2) == 0
    assert np.float32((10 * epsilon) ** 2) > 0
