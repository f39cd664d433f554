"""Costs against the floors that are known by hand, and formulas that another program can read."""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path

import pytest
from matplotlib.mathtext import MathTextParser
from typer.testing import CliRunner

from optgen.analysis.explain import costs, latex, whole_cost
from optgen.cli import app
from optgen.compiler.ir.cost import Cost
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.storage import stored_as
from optgen.compiler.library import optimizer_files
from optgen.compiler.pipeline import checked_rule, load_all, plan_of, surroundings
from tests.chosen import first_of

#: Bytes that a step must move for each float32 parameter: gradient, parameter twice, states twice.
FLOORS = {"sgd": 12, "rmsprop": 20, "adadelta": 28, "adamax": 28, "adam": 28, "adamw": 28}
#: What features add: an average is read and written; a norm or a check reads the gradient before.
ADDED = {
    "with average": 8,
    "with clipnorm": 4,
    "with global_clipnorm": 4,
    "with finite gradients checked": 4,
    "with accumulate": 8,
    "with unscale": 0,
    "with clipvalue": 0,
    "with weight_decay": 0,
}
SHAPED = Path(__file__).parents[1] / "prove" / "shaped"
PATHS = {path.stem: path for path in optimizer_files()}
AROUND = surroundings()
PATHS |= {path.stem: path for path in SHAPED.glob("*.toml")}


@cache
def planned(name: str) -> Plan:
    (spec,) = load_all([PATHS[name]])
    return plan_of(spec, AROUND)


@cache
def cards(name: str) -> dict[str, Cost]:
    return {card.setting: card for card in costs(planned(name))}


@pytest.mark.parametrize("name", FLOORS)
def test_costs_are_the_floors(name: str) -> None:
    found = cards(name)
    plain = found["plain"]
    assert plain.moved_bytes == FLOORS[name]
    assert plain.state_bytes == (FLOORS[name] - 12) // 2
    assert plain.passes == 1
    for setting, more in ADDED.items():
        assert found[setting].moved_bytes == FLOORS[name] + more, setting
    assert found["with global_clipnorm"].passes == 2
    assert plain.floor(10**9, 3e12) == pytest.approx(FLOORS[name] / 3e3)


@pytest.mark.parametrize(
    ("words", "kept", "moved"),
    [
        # Parameter and two states twice, gradient once.
        ("states=bfloat16", 4, 4 + 2 * (4 + 4)),
        ("param=bfloat16,states=bfloat16", 4, 2 + 2 * (2 + 4)),
        # Two bytes of the parameter are in its state.
        ("param=bfloat16,states=bfloat16,rounding=split", 6, 2 + 2 * (4 + 4)),
        # Codes of a byte, and a scale of 4 bytes for 64 elements.
        ("param=bfloat16,states=int8", 2 * 68 / 64, 2 + 2 * (2 + 2 * 68 / 64)),
    ],
)
def test_bytes_in_a_storage(words: str, kept: float, moved: float) -> None:
    plain, stored = cards("adam")["plain"], stored_as(words)
    assert plain.state_bytes_in(stored) == kept
    assert plain.moved_bytes_in(stored) == moved


@pytest.mark.parametrize("name", FLOORS)
def test_every_feature_together_moves_what_each_adds(name: str) -> None:
    found = cards(name)
    plain = found["plain"].moved_bytes
    more = sum(card.moved_bytes - plain for card in found.values() if card.setting in ADDED)
    # The check of gradients is no feature; a clip of each norm reads them once more.
    assert (
        whole_cost(planned(name)).moved_bytes
        == plain + more - ADDED["with finite gradients checked"]
    )


def test_averages_and_sums_have_no_codes() -> None:
    """What stands in for parameters, or adds up gradients, stays float32."""
    found = cards("sgd")
    stored = stored_as("states=int8")
    assert found["where momentum > 0"].state_bytes_in(stored) == 68 / 64
    assert found["with average"].state_bytes_in(stored) == 4
    assert found["with accumulate"].state_bytes_in(stored) == 4


def test_momentum_is_a_setting_of_its_own() -> None:
    found = cards("sgd")["where momentum > 0"]
    assert (found.moved_bytes, found.states) == (20, ("momentum_buffer",))


def test_operations_are_counted() -> None:
    # param - learning_rate*grad
    assert cards("sgd")["plain"].operations == 2


def test_a_second_pass_is_needed_by_what_it_reads() -> None:
    """The norm of the gradient must be there before the first element moves."""
    found = cards("novograd")["plain"]
    first, second = found.stages
    assert (first.loads, first.stores, first.needs) == (("grad",), (), ())
    assert first.reductions == second.needs == ("sum(grad**2)",)
    assert set(second.loads) == {"param", "grad", "m"}
    assert set(second.stores) == {"param", "m"}
    assert found.moved_bytes == 4 * (1 + 3 + 2)
    assert found.shaped == (("v", Extent.TENSOR),)
    assert found.states == ("m",)


def test_sums_of_a_step_for_the_next_one_need_no_pass() -> None:
    found = cards("prodigy")["plain"]
    (only,) = found.stages
    assert set(only.reductions) == {"global_sum(grad*(start - param))", "global_sum(abs(s))"}
    assert only.needs == ()
    assert {name for name, _ in found.shaped} == {"distance", "along"}


def test_rows_and_columns_are_made_before_they_are_used() -> None:
    found = cards("adafactor")["where matrix"]
    first, second, third = found.stages
    assert first.reductions == ("row_sum(square)", "column_sum(square)")
    assert set(second.needs) == set(first.reductions)
    assert set(second.reductions) == {"sum(u**2)", "sum(param**2)"}
    assert set(third.needs) == {*first.reductions, *second.reductions}
    assert third.stores == ("param",)
    assert found.shaped == (("of_rows", Extent.ROWS), ("of_columns", Extent.COLUMNS))
    # The second moment is no array of the parameter's shape.
    assert found.state_bytes == 0
    assert cards("adafactor")["plain"].state_bytes == 4
    # A momentum and a confidence: each needs the one before.
    assert cards("came")["where matrix"].passes == 4


@pytest.mark.parametrize("style", first_of(["text", "markdown", "html"], 1))
def test_passes_are_told_in_each_format(style: str) -> None:
    path = str(PATHS["novograd"])
    result = CliRunner().invoke(app, ["explain", path, "--format", style])
    assert result.exit_code == 0, result.output
    shown = html.unescape(result.output).replace("\\", "")
    assert "pass 2 reads" in shown
    assert "needs sum(grad**2)" in shown
    assert "v holds 8 B: one number for each tensor" in shown


@pytest.mark.parametrize("name", [*FLOORS, "adafactor", "dog", "sm3"])
def test_formulas_can_be_read_by_another_program(name: str) -> None:
    (spec,) = load_all([PATHS[name]])
    parser = MathTextParser("path")
    for block in checked_rule(spec).blocks:
        for step in block.steps:
            parser.parse(f"${latex(step)}$")


@pytest.mark.parametrize("style", first_of(["text", "markdown", "latex", "html"], 3))
def test_it_is_told_in_each_format(style: str) -> None:
    result = CliRunner().invoke(app, ["explain", "adam", "--format", style])
    assert result.exit_code == 0, result.output
    if style == "text":
        assert "proved: the first step goes against the gradient" in result.output
        assert "with global_clipnorm" in result.output
    if style == "markdown":
        assert "| plain | 8 | 28 |" in result.output
    if style in ("markdown", "latex"):
        assert r"\sqrt{1 - \beta_{2}^{t}}" in result.output


@pytest.mark.parametrize("name", ["average", "cosinedecay", "nothing"])
def test_only_optimizers_are_explained(name: str) -> None:
    assert CliRunner().invoke(app, ["explain", name]).exit_code == 2
