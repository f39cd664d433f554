"""Two thousand random runs beside Keras itself, twelve steps each."""

from __future__ import annotations

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


@pytest.mark.parametrize("first", range(0, RUNS, BATCH))
def test_random_runs(first: int) -> None:
    for seed in range(first, first + BATCH):
        run = at_random(seed)
        if difference(run):
            small = shrunk(run)
            pytest.fail(f"{small}\n{difference(small)}")
