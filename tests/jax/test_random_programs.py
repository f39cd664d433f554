"""Random programs as functions of JAX beside the interpreter."""

from __future__ import annotations

import pytest

from tests.random_programs.generator import draw
from tests.random_programs.reporting import report
from tests.random_programs.trial import by_jax, run


# Of these rules parameters move by steps: where one replaces them, as that of seed 3 does, the
# difference that Optax adds is rounded as the old parameter is.
@pytest.mark.parametrize("seed", [0, 6, 11, 19])
def test_functions_compute_what_the_rule_says(seed: int) -> None:
    trial = run(draw(seed), by_jax)
    assert not trial.refused
    assert not trial.finding, report(trial, "jax")
    assert trial.outcome.compared > trial.outcome.vague
