"""Numbers on updates in the state of a transformation, beside those of kernels."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from jax import numpy as jnp

import optgen
import optgen.optax

optax = pytest.importorskip("optax")


@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16], ids=lambda d: d.__name__)
def test_the_state_has_the_numbers_that_kernels_keep(dtype: Any) -> None:
    draw = np.random.default_rng(0)
    variables = {"kernel": draw.normal(size=(5, 7)).astype(dtype), "bias": np.ones(3, dtype)}
    params = {name: jnp.asarray(value) for name, value in variables.items()}
    kind = optgen.compile("adam", "update_statistics")
    compiled = kind(learning_rate=0.01, statistics_every=1)
    transformation = optgen.optax.factory(kind)(0.01, statistics_every=1)
    state = transformation.init(params)
    for _ in range(2):
        gradients = {n: draw.normal(size=v.shape).astype(dtype) for n, v in variables.items()}
        compiled.apply(gradients, variables)
        given = {name: jnp.asarray(value) for name, value in gradients.items()}
        moves, state = transformation.update(given, state, params)
        params = optax.apply_updates(params, moves)
    for path, numbers in compiled.statistics().items():
        for name, value in numbers.items():
            found = float(state.parameters[f"probed_{name}"][path])
            assert found == pytest.approx(value, rel=1e-4), (path, name)
