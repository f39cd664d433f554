"""Schedule: how many passes reductions take, and which of them share one."""

from __future__ import annotations

import pytest

from optgen.compiler.ir.plan import ElementPass
from optgen.compiler.ir.reserved import CHECK_FINITE, MATRIX, NONFINITE
from tests.compiler.plan.test_phases import plan_of_rule

#: Rules, each with the numbers of reductions of its passes.
PASSES = {
    "nothing is reduced": ("param = param - grad", [0]),
    "one sum, one pass more": ("param = param - grad/norm(grad)", [1, 0]),
    "independent sums share a pass": ("param = param - grad/norm(grad)*norm(param)", [2, 0]),
    "a sum of what needs another": (
        "unit = grad/norm(grad)\nparam = param - unit/mean(abs(unit))",
        [1, 1, 0],
    ),
    "a sum waits for those that are needed with it": (
        "unit = grad/norm(grad)\nparam = param - norm(param)*unit/mean(abs(unit))",
        [1, 2, 0],
    ),
    "a number of a number needs no pass": ("param = param - sqrt(norm(grad) + 1)*grad", [1, 0]),
}
#: The same of matrices.
OF_MATRICES = {
    "rows and columns share a pass": (
        "if matrix:\n    param = param - grad/(row_norm(grad)*column_norm(grad))\n"
        "param = param - grad",
        [2, 0],
    ),
    "a mean of rows is none of elements": (
        "if matrix:\n    rows_of = row_norm(grad)\n    param = param - grad*rows_of/mean(rows_of)\n"
        "param = param - grad",
        [1, 0],
    ),
    "rows of what is divided by columns": (
        "if matrix:\n    unit = grad/column_norm(grad)\n    param = param - unit/row_norm(unit)\n"
        "param = param - grad",
        [1, 1, 0],
    ),
}


def reductions(rule: str, view: str = "") -> list[int]:
    """The numbers of reductions of the passes of a rule that check no gradient."""
    program = plan_of_rule(rule, {}, view).programs[0]
    on = {CHECK_FINITE: False, MATRIX: True}
    passes = [phase.elements for phase in program.phases if phase.elements is not None]
    return [len(sums(stage, on)) for stage in passes if holds(stage, on)]


def holds(stage: ElementPass, on: dict[str, bool]) -> bool:
    return stage.guard.holds({**dict.fromkeys(stage.guard.atoms, False), **on})


def sums(stage: ElementPass, on: dict[str, bool]) -> list[str]:
    found = []
    for one in stage.reductions:
        values = {**dict.fromkeys(one.guard.atoms, False), **on}
        if one.target != NONFINITE and one.guard.holds(values):
            found.append(one.target)
    return found


@pytest.mark.parametrize("what", PASSES)
def test_passes_of_a_rule(what: str) -> None:
    rule, expected = PASSES[what]
    assert reductions(rule) == expected


@pytest.mark.parametrize("what", OF_MATRICES)
def test_passes_of_a_rule_over_matrices(what: str) -> None:
    rule, expected = OF_MATRICES[what]
    assert reductions(rule, "last two") == expected


@pytest.mark.parametrize("depth", range(1, 6))
def test_each_sum_around_another_takes_a_pass(depth: int) -> None:
    inside = "grad"
    for number in range(depth):
        inside = f"norm({inside} + {number}*param)*grad"
    assert reductions(f"param = param - {inside}") == [1] * depth + [0]
