"""Dot products over all variables: sums that share a pass, with the same values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen
from optgen.compiler.ir.expression import names, text, walk
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.rule import Rule
from optgen.compiler.pipeline import checked_rule, load_file, plan_of, surroundings

HEAD = """
name = "Projected"
[hyperparameters]
learning_rate = { default = 0.5 }
[state]
first  = { initial = "param" }
second = {}
[update]
"""
SIZE = 6


def spec(*lines: str) -> str:
    return f'{HEAD}rule = """\n' + "\n".join(lines) + '\n"""\n'


def rule_of(folder: Path, *lines: str) -> Rule:
    path = folder / "projected.toml"
    path.write_text(spec(*lines), encoding="utf-8")
    return checked_rule(load_file(path))


def passes(folder: Path, *lines: str) -> int:
    """How many passes over elements the rule needs beside the one that is for clipping."""
    rule_of(folder, *lines)
    plan = plan_of(load_file(folder / "projected.toml"), surroundings())
    (update,) = (program for program in plan.programs if program.name == "update")
    return sum(1 for phase in update.phases if phase.elements is not None) - 1


def at_random(draw: np.random.Generator) -> list[str]:
    """Lines that mix vectors by dot products; all of them count in the end."""
    vectors, lines, numbers = ["x", "y", "z"], ["x = grad", "y = second", "z = param - first"], []
    for k in range(8):
        one, other, third = draw.choice(vectors, 3)
        number = f"a{k}"
        lines.append(f"{number} = global_dot({one}, {other} - 2*{third})/8")
        numbers.append(number)
        lines += mixed(draw, one, other, third, number)
    ending = " + ".join([*vectors, *(f"{number}*grad" for number in numbers)])
    return [*lines, "first = first + grad", "second = second + x", f"change = {ending}"]


def mixed(draw: np.random.Generator, one: str, other: str, third: str, number: str) -> list[str]:
    """A line or two that make vectors of others."""
    forms = (
        [f"{one} = {one} - {number}*{other}"],
        [f"{one} = {other}*{number} + 0.5*{one}"],
        [f"{third} = -{one}/(1 + {number}**2)", f"{third} = {third} + {other}"],
        [f"{one} = {other}", f"{third} = abs({third}) - {number}*{one}"],
    )
    return forms[draw.integers(len(forms))]


@pytest.mark.parametrize("seed", range(20))
def test_values_are_those_of_plain_sums(seed: int, tmp_path: Path) -> None:
    draw = np.random.default_rng(seed)
    lines = at_random(draw)
    rule = rule_of(tmp_path, *lines)
    written = [f"{step.target} = {text(step.expression)}" for step in rule.blocks[0].steps]
    assert "global_dot" not in "\n".join(written)
    arrays = {name: draw.normal(size=SIZE) for name in ("param", "grad", "first", "second")}
    functions = {"global_sum": np.sum, "global_dot": np.dot, "abs": np.abs}
    mine: dict[str, Any] = {**arrays, **functions}
    theirs: dict[str, Any] = {**arrays, **functions}
    exec("\n".join(written), mine)
    exec("\n".join([*lines, "param = param - change"]), theirs)
    for name in ("param", "first", "second"):
        np.testing.assert_allclose(mine[name], theirs[name], rtol=1e-9, atol=1e-9)


CHAIN = (
    "along = global_dot(second, grad)",
    "rest = grad - along*second",
    "length = global_dot(rest, rest)",
    "other = rest/(1 + length)",
    "back = global_dot(other, first)",
    "second = second + grad",
    "first = first + 0*param",
    "change = other - back*first",
)


def test_sums_share_a_pass(tmp_path: Path) -> None:
    plain = [line.replace("rest, rest", "rest*rest").replace(", ", "*") for line in CHAIN]
    plain = [line.replace("global_dot", "global_sum") for line in plain]
    assert passes(tmp_path, *CHAIN) == 2
    assert passes(tmp_path, *plain) == 4


def test_a_sum_is_made_once(tmp_path: Path) -> None:
    steps = rule_of(tmp_path, *CHAIN).blocks[0].steps
    sums = [
        frozenset(names(part))
        for step in steps
        for part in walk(step.expression)
        if text(part).startswith("global_sum(")
    ]
    assert len(sums) == len({*sums})
    assert {frozenset({"second", "grad"}), frozenset({"grad"}), frozenset({"second"})} <= {*sums}


def test_differences_of_states_stay_whole() -> None:
    rule = (
        "gone = param - first",
        "second = second + grad",
        "first = param",
        "change = global_dot(gone, gone)*second",
    )
    weights = np.full(3, 1e8)
    optimizer = optgen.compile(spec(*rule), backend="numpy")()
    for point in (1e8, 1e8 + 0.5, 1e8 + 0.5):
        before = weights[:] = point
        optimizer.apply([np.ones(3)], [weights])
    # Nothing is gone in the last call; products of the whole parameters would be off by 1.
    assert (weights == before).all()
    weights[:] = 1e8 + 0.625
    optimizer.apply([np.ones(3)], [weights])
    np.testing.assert_allclose(weights, 1e8 + 0.625 - 4 * 3 * 0.125**2, rtol=0, atol=1e-7)


def test_a_dot_product_has_two_factors(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="global_dot takes 2 arguments, not 1"):
        rule_of(tmp_path, "change = global_dot(grad)*grad + first + second")
