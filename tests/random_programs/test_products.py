"""Random rules with functions of matrices do what NumPy does in float64.

Python runs the kernels of most; to compile those of one takes eight times as long.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

import optgen
from tests.chosen import first_of
from tests.random_programs.bounded import Array
from tests.random_programs.product_values import Meaning
from tests.random_programs.products import Rule, draw

Backend = Literal["compiled", "numpy"]
SEEDS = range(6)
SHORTEST_FIRST = sorted(SEEDS, key=lambda seed: len(draw(seed).toml))
SHAPES = ((4, 3), (3, 5), (6,), (2, 3, 4), (), (1, 4), (3, 3), (3, 4, 2), (4, 3))
CALLS, RATE = 3, 0.1
#: Relative to the largest element; roots and bases amplify rounding by their condition.
TOLERANCES = {"float64": 1e-8, "float32": 2e-2}


def arrays(seed: int, number: int, dtype: str) -> list[Array]:
    """Variables, or the gradients of a call; of the last variable in the order of Fortran."""
    numbers = np.random.default_rng([seed, number])
    found: list[Array] = [np.asarray(numbers.normal(size=shape), dtype) for shape in SHAPES]
    return [*found[:-1], np.asfortranarray(found[-1])]


def difference(rule: Rule, folder: Path, dtype: str, backend: Backend = "numpy") -> str:
    """What an optimizer computes otherwise than its rule says; empty if nothing."""
    path = folder / "products.toml"
    path.write_text(rule.toml, encoding="utf-8")
    made = optgen.compile(path, backend=backend)(learning_rate=RATE)
    variables = arrays(rule.seed, 0, dtype)
    meanings = [Meaning(rule, variable, RATE) for variable in variables]
    for call in range(1, CALLS + 1):
        gradients = arrays(rule.seed, call, dtype)
        made.apply(gradients, variables)
        for meaning, gradient in zip(meanings, gradients, strict=True):
            meaning.apply(gradient)
        for place, (meaning, variable) in enumerate(zip(meanings, variables, strict=True)):
            pairs = {"param": (variable, meaning.param)}
            for name, value in made.state[f"variable_{place}"].items() if variable.ndim > 1 else ():
                pairs[name] = value, meaning.state(name)
            for name, (found, expected) in pairs.items():
                off = np.abs(found.ravel() - expected.ravel()).max(initial=0)
                if not off <= TOLERANCES[dtype] * max(1, np.abs(expected).max(initial=0)):
                    return f"call {call}, variable {place}, {name}: off by {off}"
    return ""


@pytest.mark.parametrize("seed", first_of(SEEDS, 4))
def test_random_rules_in_float64(seed: int, tmp_path: Path) -> None:
    rule = draw(seed)
    assert difference(rule, tmp_path, "float64") == "", rule.toml


@pytest.mark.parametrize("seed", first_of(SHORTEST_FIRST, 1))
def test_compiled_rules_in_float64(seed: int, tmp_path: Path) -> None:
    rule = draw(seed)
    assert difference(rule, tmp_path, "float64", "compiled") == "", rule.toml


@pytest.mark.parametrize("seed", first_of([1000, 1001, 1002], 1))
def test_random_rules_in_float32(seed: int, tmp_path: Path) -> None:
    """Without eigenvectors, whose signs rounding decides."""
    seeds = (seed + 10 * place for place in range(100))
    rule = next(one for one in map(draw, seeds) if "eigenvectors" not in one.toml)
    assert difference(rule, tmp_path, "float32") == "", rule.toml


def test_all_functions_are_drawn() -> None:
    texts = " ".join(draw(seed).toml for seed in range(200))
    for word in ("@", "transpose(", "gram(", "orthonormal(", "eigenvectors(", "inverse_root("):
        assert word in texts
    for word in ("repeat", "by columns", "by rows", "short by short", "if step % 2", "row_norm"):
        assert word in texts


@pytest.mark.parametrize(
    ("old", "new"),
    [(" @ ", " * 0.5 @ "), ("decay*", "0.9*decay*"), ("transpose(grad) @ grad", "gram(grad)*1.01")],
)
def test_another_rule_is_noticed(old: str, new: str) -> None:
    """The comparison finds a rule that isn't the one that runs."""
    rule = next(one for one in map(draw, range(100)) if any(old in line for line in one.lines))
    variables = arrays(0, 0, "float64")
    other = Rule(rule.seed, rule.view, rule.decay, rule.states)
    other.lines = [line.replace(old, new) for line in rule.lines]
    expected = [Meaning(rule, variable, RATE) for variable in variables]
    found = [Meaning(other, variable, RATE) for variable in variables]
    try:
        for call in (1, 2, 3):
            for place, gradient in enumerate(arrays(0, call, "float64")):
                expected[place].apply(gradient)
                found[place].apply(gradient)
    except ValueError:
        return  # The other rule's shapes don't fit.
    assert any(
        not np.allclose(one.param, two.param, rtol=1e-8)
        for one, two in zip(expected, found, strict=True)
    )


def test_factors_of_columns_by_rows(tmp_path: Path) -> None:
    """No value has this shape: the transpose is computed, also of a factor of such a factor."""
    lines = [
        "if matrix:",
        "    square = grad @ transpose(grad)",
        "    wide = (transpose(param) @ square) @ grad",
        "    wider = transpose(param) @ square @ transpose(square) @ param",
        "    change = learning_rate*(grad @ wide + decay*(param @ wider))",
        "else:",
        "    change = learning_rate*grad",
    ]
    assert difference(Rule(7000, "first by rest", lines=lines), tmp_path, "float64") == ""
