"""Random programs as Keras's operations beside the interpreter."""

from __future__ import annotations

import pytest

from tests.random_programs.generator import draw
from tests.random_programs.reporting import report
from tests.random_programs.trial import by_keras, run

# Keras's own conversion of NumPy arrays to torch tensors.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize("seed", [0, 3, 6, 11, 19])
def test_operations_compute_what_the_rule_says(seed: int) -> None:
    trial = run(draw(seed), by_keras)
    assert not trial.refused
    assert not trial.finding, report(trial, "keras")
    assert trial.outcome.compared > trial.outcome.vague
