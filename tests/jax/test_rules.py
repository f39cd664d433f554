"""Every rule as JAX computes it, beside its kernels as NumPy and Python run them."""

from __future__ import annotations

import pytest

from tests.chosen import rest_in_full
from tests.jax.runs import NAMES, gradients, of_jax, start
from tests.numeric.specs import is_of_few
from tests.zoo.runs import LATE, difference, of_ours

#: Rules that wait until their mean square is long enough move in the fifth step.
STEPS = 6


@pytest.mark.parametrize("name", rest_in_full(NAMES, is_of_few))
def test_steps_are_those_of_kernels(name: str) -> None:
    first, rows = start(), gradients(14 if name in LATE else STEPS)
    found = difference(of_jax(name, {})(first, rows), of_ours(name, {})(first, rows), first)
    assert found < 1e-10
