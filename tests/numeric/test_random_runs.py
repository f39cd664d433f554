"""Random runs beside Keras itself, twelve steps each: Python makes a hundred, and compiled kernels
two thousand.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.numeric.pairwise import pairs, possible_pairs
from tests.numeric.random_runs import FACTORS, SETTINGS, allowed, at_random, difference, shrunk

RUNS, BATCH = 2000, 100

# Keras's own conversion of NumPy arrays to torch tensors.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_few_settings_have_every_pair_of_switches() -> None:
    assert len(SETTINGS) <= 60
    assert all(map(allowed, SETTINGS))
    assert set().union(*map(pairs, SETTINGS)) == possible_pairs(FACTORS, allowed)


@pytest.mark.usefixtures("python_kernels")
def test_random_runs() -> None:
    """Two of each setting, nearly: most of what compiled kernels take is their compilation."""
    assert_same(range(BATCH))


@pytest.mark.full
@pytest.mark.parametrize("first", range(0, RUNS, BATCH))
def test_many_random_runs(first: int) -> None:
    assert_same(range(first, first + BATCH))


def assert_same(seeds: Iterable[int]) -> None:
    for seed in seeds:
        run = at_random(seed)
        if difference(run):
            small = shrunk(run)
            pytest.fail(f"{small}\n{difference(small)}")
