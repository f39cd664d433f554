"""Random programs on a simulated device beside the interpreter."""

from __future__ import annotations

import pytest

from tests.random_programs.generator import draw
from tests.random_programs.program import Program
from tests.random_programs.reporting import report
from tests.random_programs.test_findings import FOUND, program
from tests.random_programs.trial import by_device, run

FOUND_ONCE = [program(rule) for rule in FOUND.values()]


@pytest.mark.parametrize("tried", [*map(draw, (0, 2, 6, 9)), *FOUND_ONCE[:4]], ids=lambda p: p.seed)
def test_a_device_computes_what_the_rule_says(tried: Program) -> None:
    trial = run(tried, by_device)
    assert not trial.refused
    assert not trial.finding, report(trial, "device")
    assert trial.outcome.compared > trial.outcome.vague
