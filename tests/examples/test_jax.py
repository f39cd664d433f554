"""The examples for JAX run, and learn; beside Optax's own rule, to the same numbers."""

from __future__ import annotations

import re

import pytest

from tests.examples.test_torch import numbers, run


def shares(said: str) -> list[float]:
    return [float(found) for found in re.findall(r"(\d+\.\d) %", said)]


@pytest.mark.full
def test_flax_nnx() -> None:
    said = run("jax_flax_nnx")
    ours, theirs = numbers(said)
    assert ours == pytest.approx(theirs, rel=0.01)
    assert min(shares(said)) > 90


def test_equinox() -> None:
    said = run("jax_equinox")
    assert numbers(said)[0] < 0.3
    assert min(shares(said)) > 90
