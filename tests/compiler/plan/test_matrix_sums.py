"""Sums of a product and a matrix: calls of their own, and what passes are left."""

from __future__ import annotations

from pathlib import Path

import pytest

from optgen.compiler.ir.plan import Plan
from optgen.compiler.pipeline import load_all, plan_of, surroundings

SPEC = '''
name = "Mine"
summary = "A rule."

[hyperparameters]
learning_rate = {{ default = 0.1 }}
weight = {{ default = 0.5 }}

[matrix]
view = "first by rest"
{options}

[update]
rule = """
if matrix:
    x = grad/2
    square = gram(x)
    {lines}
else:
    change = learning_rate*weight*grad
"""
'''
TWICE = "y = square @ x {sum}\n    z = gram(y)\n    change = learning_rate*(z @ y)"


def plan(tmp_path: Path, lines: str, options: str = "") -> Plan:
    path = tmp_path / "mine.toml"
    path.write_text(SPEC.format(lines=lines, options=options))
    (spec,) = load_all([path])
    return plan_of(spec, surroundings())


def sums(found: Plan) -> list[str]:
    """The numbers of each sum in one call."""
    update = found.programs[0]
    calls = [call for phase in update.phases for call in phase.calls]
    return [
        f"{one.added.times} {one.added.number}".replace("Number(value=", "").replace(")", "")
        for one in calls
        if one.added is not None
    ]


@pytest.mark.parametrize(
    ("sum_", "wanted"),
    [
        ("+ x", ["1 1"]),
        ("- x", ["1 -1"]),
        ("- 3*x", ["1 -3"]),
        ("+ x*weight", ["1 Name(id='weight'"]),
        # The matrix is a function of elements, or there are two of them.
        ("+ abs(x)", []),
        ("+ x + x", []),
        ("*x", []),
        # Each matrix has a number of its own.
        ("+ norm(x)*x", []),
    ],
)
def test_a_sum_that_the_next_product_needs(tmp_path: Path, sum_: str, wanted: list[str]) -> None:
    assert sums(plan(tmp_path, TWICE.format(sum=sum_))) == wanted


def test_a_product_that_something_else_needs_stays(tmp_path: Path) -> None:
    lines = "p = square @ x\n    y = p + x\n    z = gram(y)\n    change = learning_rate*(z @ p)"
    assert not sums(plan(tmp_path, lines))


def test_what_only_a_pass_needs_is_left_to_it(tmp_path: Path) -> None:
    """It would read one matrix less, and a library without such calls write one more."""
    lines = "y = square @ x + x\n    change = learning_rate*y"
    assert not sums(plan(tmp_path, lines))
    assert sums(plan(tmp_path, lines, 'compute = "bfloat16"')) == ["1 1"]


def test_what_only_products_read(tmp_path: Path) -> None:
    found = plan(tmp_path, TWICE.format(sum="+ x"))
    inner = {one.name for one in found.matrices if one.is_inner}
    # The operand that a pass leaves, and the product that one reads, are in memory as they are.
    assert len(inner) == len(found.matrices) - 2
    assert not any("by" in name.split("_") for name in inner)
