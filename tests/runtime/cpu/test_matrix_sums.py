"""Sums of matrices in the memory of one of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optgen.runtime.cpu.matrix_sums import adding


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["rows", "columns", "scattered"])
def test_a_sum_takes_the_place_of_its_product(dtype: Any, kind: str) -> None:
    """More elements than one part has; what is scattered has gaps."""
    rng = np.random.default_rng(0)
    room = rng.normal(size=(2, 1, 90, 220)).astype(dtype)
    other = rng.normal(size=room.shape).astype(dtype)
    seen = {"rows": lambda a: a, "columns": lambda a: a.swapaxes(-1, -2)}
    out, added = (seen.get(kind, lambda a: a[..., ::2])(array) for array in (room, other))
    wanted = dtype(0.5) * out + dtype(-3) * added
    before = room.copy()
    function, *arguments = adding(out, added, 0.5, -3.0)
    function(*arguments)
    np.testing.assert_allclose(out, wanted, rtol=1e-5, atol=1e-5)
    if kind == "scattered":
        np.testing.assert_array_equal(room[..., 1::2], before[..., 1::2])
