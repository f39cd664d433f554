"""Programs that were found once, each with what it broke."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.random_programs.program import Form, Program, as_toml
from tests.random_programs.settings import Argument
from tests.random_programs.trial import COMPARISONS, by_python, printed, run

FORMS = (Form("v0", (7,), "float32"), Form("v1", (2, 3), "float64"), Form("v2", (), "float32"))

FOUND = {
    "a condition of a tensor with one of an element": """
param = param - where(grad > 0 and norm(grad) > 1, grad, 2*grad)
""",
    "a condition of a tensor in a later scalar of it": """
large = norm(grad) > 1
small = norm(grad/norm(grad)) < 2 or large
param = param - where(small and large, grad, 0.5*grad)
""",
    "conditions of three levels": """
late = step > 1
large = norm(param) > 1 or late
param = param - where((grad > 0 or late) and not large, grad, where(large, 0.5, 2)*grad)
""",
    "a condition of a call in a scalar of a tensor": """
early = call % 2 == 1
scale = where(early and norm(grad) > 0.1, 0.5, norm(grad))
param = param - scale*grad
""",
    "a sum to the power of 0, which is no sum": """
same = global_sum(grad)**0
param = param - 0.5*same
""",
    "what is assigned and used in a pass that neither loads nor stores it": """
param = 2*grad
scale = norm(param + 1)
param = grad/scale
""",
    "a quotient whose last bracket is no call": """
late = 1 > where(1 < sign(grad)*norm(grad)*norm(param)*norm(grad + param), grad, param - grad)
param = param - where(late, grad, 1)
""",
    "a mean of a mean": """
param = param - mean(mean(grad))*grad
""",
    "a sum of what is the same for each element": """
param = param - sum(learning_rate)*grad - global_sum(norm(grad))
""",
    "the sign of what is infinite": """
param = param - learning_rate*(2*sign(exp(1000 + abs(grad))) + sign(-exp(1000 + abs(grad))))
""",
    "a thirteenth power, and a power of a power": """
param = param - learning_rate*(grad**13 + (grad**4)**4)
""",
}


def program(rule: str, **arguments: Argument) -> Program:
    return Program(1, as_toml("Found", {}, {}, rule), arguments, FORMS)


@pytest.mark.parametrize("what", FOUND)
def test_what_was_found_stays_mended(what: str) -> None:
    found = program(FOUND[what], clipnorm=1.5)
    for comparison in (by_python, printed):
        trial = run(found, comparison)
        assert not trial.refused
        assert not trial.crash, trial.crash
        assert not trial.outcome.differences


@pytest.mark.parametrize("target", ["numba", "ptx"])
def test_compiled_code_mixes_conditions_of_all_levels(target: str) -> None:
    found = program(FOUND["conditions of three levels"])
    single = replace(found, forms=FORMS[:1])
    trial = run(single, COMPARISONS[target])
    assert not trial.crash, trial.crash
    assert not trial.outcome.differences
