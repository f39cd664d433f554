"""Random programs: emitted CPU kernels beside the interpreter."""

from __future__ import annotations

import pytest

from optgen.compiler.ir.functions import FUNCTIONS
from tests.chosen import first_of
from tests.numeric import rules
from tests.random_programs import interpreter
from tests.random_programs.generator import draw
from tests.random_programs.reporting import report
from tests.random_programs.shrinking import shrunk
from tests.random_programs.trial import COMPARISONS, Trial, by_python, run

PROGRAMS, BATCH = 200, 20
#: Few, as each takes seconds.
COMPILED, COMMANDED = (3000,), (2, 6)


def test_each_function_has_meanings_of_its_own() -> None:
    """The interpreter's, and NumPy's: what a function means isn't taken from the compiler."""
    assert interpreter.FUNCTIONS.keys() == FUNCTIONS.keys() - {"where"}
    assert FUNCTIONS.keys() <= rules.FUNCTIONS.keys()


def failed(trial: Trial) -> str:
    """The report of a finding, made smaller."""
    small = shrunk(trial.program, lambda p: run(p, by_python).finding == trial.finding)
    return report(run(small, by_python), "python")


@pytest.mark.parametrize("first", first_of(range(0, PROGRAMS, BATCH), 3))
def test_kernels_compute_what_the_rule_says(first: int) -> None:
    trials = [run(draw(seed), by_python) for seed in range(first, first + BATCH)]
    for trial in trials:
        if trial.finding:
            pytest.fail(failed(trial))
    # Programs are valid, and their numbers are known well enough to be compared.
    assert sum(bool(trial.refused) for trial in trials) <= BATCH // 4
    compared = sum(trial.outcome.compared for trial in trials)
    assert compared > 2 * sum(trial.outcome.vague for trial in trials)
    assert compared > 10 * BATCH


@pytest.mark.parametrize(
    ("target", "seed"),
    [
        *(("numba", seed) for seed in COMPILED),
        *first_of([("commands", seed) for seed in COMMANDED], 1),
    ],
)
def test_a_few_take_the_whole_way(target: str, seed: int) -> None:
    trial = run(draw(seed), COMPARISONS[target])
    assert not trial.refused
    assert not trial.finding, report(trial, target)
