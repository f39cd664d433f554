"""Functions of whole matrices in plain arrays, and what a rule without them has of that."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen.optimizers as oo
from tests.matrices.formulas import SHAPES, drawn, expected
from tests.matrices.own import NAMES, package, rule

ROOT = Path(__file__).parents[2]
STEPS = 6


@pytest.mark.usefixtures("python_kernels")
@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *((name, dtype) for name in (*NAMES, "Halved") for dtype in (np.float32, np.float64)),
        pytest.param("Rooted", np.float32, marks=pytest.mark.compiled, id="compiled"),
    ],
)
def test_a_run_ends_where_the_formulas_do(name: str, dtype: Any) -> None:
    """NumPy has no bfloat16: products are in the type of the variables."""
    held, rows = drawn(STEPS, dtype)
    wanted = expected("Ortho" if name == "Halved" else name, held, rows)
    optimizer = getattr(package(), name)()
    optimizer.exclude_from_matrix(var_names=["plain"])
    for row in rows:
        optimizer.apply(row, held)
    tolerance = 2e-6 if dtype is np.float32 else 1e-12
    for (path, array), one in zip(held.items(), wanted, strict=True):
        np.testing.assert_allclose(array, one, rtol=0, atol=tolerance, err_msg=path)


@pytest.mark.usefixtures("python_kernels")
@pytest.mark.parametrize("name", ["Rooted", "Rotated"])
def test_nan_stays_in_its_variable(name: str) -> None:
    held, rows = drawn(1)
    rows[0][0][0, 0] = np.nan
    rule(name)().apply(rows[0], held)
    is_odd = [bool(np.isnan(array).any()) for array in held.values()]
    assert is_odd == [True] + [False] * (len(SHAPES) - 1)


def test_a_rule_without_matrices_has_no_memory_for_them() -> None:
    array = np.ones((64, 32), np.float32)
    plain, multiplying = oo.Adam(), rule("Ortho")()
    for optimizer in (plain, multiplying):
        optimizer.build([array])
    model, other = plain._core.model, multiplying._core.model
    assert model is not None
    assert other is not None
    # Everything that kernels reach beside variables and gradients is a state.
    assert model._held.keys() == model.states.keys()
    assert other._held.keys() > other.states.keys()
    assert not model._batches
    assert other._batches
    # Signals wait for no step whose calls are all compiled.
    assert isinstance(model.guard, nullcontext)


def test_a_rule_without_matrices_imports_nothing_for_them() -> None:
    program = """
import sys, numpy as np, optgen.optimizers as oo
before = {*sys.modules}
array = np.ones((64, 32), np.float32)
oo.Adam().apply([array.copy()], [array])
found = {name.partition(".")[0] for name in {*sys.modules} - before}
print(*sorted(found & {"torch", "cupy", "tensorflow", "jax"}), "and no other")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "and no other\n"
