"""Programs that were found once, each with what it broke."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optgen.compiler.ir.language import VIEWS
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

OF_MATRICES = {
    "two passes over matrices, of which the last one reads what the first one sums": """
if matrix:
    scale = row_norm(grad)
else:
    scale = grad
param = param - learning_rate*grad/(scale + 1)
""",
    "a sum that only some variables need, in a pass over matrices": """
if matrix:
    scale = row_mean(grad)*column_sum(grad)
else:
    scale = norm(grad)*grad
param = param - scale*grad
""",
    "the largest of rows and of a vector": """
if matrix:
    param = param - largest(column_smallest(grad))*row_largest(grad)
param = param - smallest(grad)
""",
    "a condition for each row": """
if matrix:
    large = row_norm(grad) > column_mean(row_norm(grad))
    param = where(large and grad > 0, param, param - grad)
param = param - learning_rate*grad
""",
    "a sum of rows that nothing uses, in the last pass": """
if matrix:
    grad = row_mean(grad)
    grad = 1
param = param - grad
""",
    "numbers of a shape, of elements": """
if matrix:
    param = param - grad/columns
param = param - learning_rate*grad*dims/(size + 1)
""",
    "states of rows, columns and all variables that become numbers of a call": """
if matrix:
    of_rows = max(learning_rate, 0.5*step - of_rows)
    of_columns = learning_rate
of_all = 1/(step + of_all)
of_tensor = step
param = param - grad*of_all*of_tensor
if matrix:
    param = param - learning_rate*of_rows*of_columns
""",
    "a number of all variables and nothing of each, where a feature has some of each": """
share = global_norm(0.1)
of_all = max(share, of_all)
param = param - grad*global_sum(share*param)
if matrix:
    param = param - learning_rate*grad
""",
    "states assigned for all variables, and again for some": """
of_tensor = step
of_all = 0.5*of_all + global_norm(grad)
if matrix:
    of_tensor = 2*of_tensor + norm(grad)
param = param - grad*of_tensor*of_all
""",
    "whole numbers of a shape in functions and powers": """
of_tensor = tanh(dims) + size**13 + of_tensor
param = param - grad*of_tensor
if matrix:
    param = param - grad*tanh(rows)/columns**13
""",
    "a name of one number, and later of elements": """
scale = size
if matrix:
    of_rows = of_rows + row_mean(scale)
scale = scale*grad
param = param - scale
""",
}
STATES = {
    "of_rows": {"shape": "rows", "when": "matrix"},
    "of_columns": {"shape": "columns", "when": "matrix", "initial": 2},
    "of_all": {"shape": "optimizer", "initial": 0.5},
    "of_tensor": {"shape": "tensor"},
}
MATRICES = (
    Form("v0", (7,), "float32"),
    Form("v1", (4, 5), "float32"),
    Form("v2", (2, 3, 4), "float64", (), (2, 0, 1)),
    Form("v3", (0, 3), "float32"),
    Form("v4", (5, 3), "float32", ("matrix",)),
)


#: Alone, and with all features around it, some of which are on.
AROUND: tuple[tuple[int, dict[str, Argument]], ...] = (
    (1, {}),
    (4, {"global_clipnorm": 1.5, "use_ema": True}),
)


@pytest.mark.parametrize(("seed", "arguments"), AROUND)
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("what", OF_MATRICES)
def test_what_was_found_of_matrices_stays_mended(
    what: str, view: str, seed: int, arguments: dict[str, Argument]
) -> None:
    rule = OF_MATRICES[what]
    states = {name: entry for name, entry in STATES.items() if f"{name} =" in rule}
    text = as_toml("Found", {}, states, rule, view)
    trial = run(Program(seed, text, arguments, MATRICES), by_python)
    assert not trial.refused
    assert not trial.crash, trial.crash
    assert not trial.outcome.differences


def test_what_stands_in_may_be_a_state_of_matrices() -> None:
    states = {"kept": {"initial": "param", "when": "matrix", "stands_in": True}}
    rule = "if matrix:\n    kept = 0.5*kept + 0.5*param\nparam = param - learning_rate*grad"
    text = as_toml("Found", {}, states, rule, "last two")
    trial = run(Program(1, text, {}, MATRICES), by_python)
    assert not trial.crash, trial.crash
    assert not trial.outcome.differences


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
