"""What is measured is what kernels do: the emulated steps are theirs, bit for bit."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optgen import optimizers
from optgen.analysis.measure import planned_step, start
from optgen.analysis.measure.ieee import SMALLEST, error_in_ulps, in_float32, to_float32
from optgen.analysis.measure.inputs import runs
from optgen.analysis.measure.settings import Setting, settings
from optgen.compiler.ir.accuracy import one_digit
from optgen.compiler.ir.expression import Name, Operation
from optgen.compiler.ir.plan import Plan
from tests.analysis.measure.plans import FILES, PARTS, emulated, measured, with_kernels
from tests.chosen import first_of


def own_arguments(plan: Plan, setting: Setting) -> dict[str, float | bool]:
    """The numbers and switches of a setting, of the optimizer's own hyperparameters."""
    own = {
        h.name: h.is_switch
        for h in plan.rule.hyperparameters
        if h.name in setting.numbers and setting.numbers[h.name] != h.default
    }
    switches = {
        atom: True
        for atom in setting.label.split(", ")
        if atom and not atom.startswith("not ") and " " not in atom
    }
    return {n: setting.numbers[n] for n, is_switch in own.items() if not is_switch} | switches


#: Kernels of the others are run by Python.
COMPILED = ("Adam",)


@pytest.mark.parametrize("part", first_of(PARTS, 1))
def test_emulated_steps_are_those_of_compiled_kernels(part: int) -> None:
    for name, plan in with_kernels(part).items():
        if part or name in COMPILED:
            for setting in settings(plan):
                assert_kernels_do_the_same(name, plan, setting)


@pytest.mark.usefixtures("python_kernels")
def test_emulated_steps_are_those_of_the_kernels() -> None:
    for name, plan in emulated(0).items():
        if name not in COMPILED:
            for setting in settings(plan):
                assert_kernels_do_the_same(name, plan, setting)


def assert_kernels_do_the_same(name: str, plan: Plan, setting: Setting) -> None:
    listed = [run for run in runs() if run.number(1) == 1]
    weights = np.zeros(len(listed), np.float32)
    optimizer = getattr(optimizers, name)(**own_arguments(plan, setting))
    states = [start(setting) for _ in listed]
    for place in range(1, 21):
        column = [run.gradients[min(place, len(run.gradients)) - 1] for run in listed]
        for k, gradient in enumerate(column):
            now = {"grad": to_float32(gradient), "param": 0.0, "step": float(place)}
            given = {**setting.numbers, **states[k], **now, "call": float(place)}
            states[k] = planned_step(setting, given)
        weights[:] = 0
        optimizer.apply([np.array(column, np.float32)], [weights])
        assert weights.tolist() == [state.pop("param") for state in states], (name, setting)
        (kept,) = optimizer.state.values()
        for state in setting.states:
            expected = [values[state.name] for values in states]
            # A number of the call is the same for all elements.
            found = np.broadcast_to(kept[state.name], len(listed))
            assert found.tolist() == expected, (name, setting, state.name)


@pytest.mark.parametrize("part", first_of(PARTS, 1))
def test_a_plan_is_proved_and_never_worse_than_what_is_written(part: int) -> None:
    assert measured(part)
    for name, found in measured(part).items():
        assert found.proved, name
        kept = {kind: error for kind, error in found.planned.items() if kind != found.cancelling}
        assert max(kept.values()) <= max(found.written.values()), name
        for one in found.rewrites:
            assert one.proof, (name, one)
            assert one.errors[1] <= one.errors[0], (name, one)
            assert one.operations[1] <= one.operations[0], (name, one)


@pytest.mark.parametrize("part", first_of(PARTS, 1))
def test_errors_found_are_within_the_bounds(part: int) -> None:
    for name, accuracy in measured(part).items():
        assert accuracy.steps > 50, name
        for one in accuracy.bounds:
            error = accuracy.found[one.setting, one.result]
            assert one.ulps is None or error <= one.ulps, (name, one)


def test_rules_are_emulated() -> None:
    assert len(emulated(0)) > 5
    assert len(with_kernels(0)) > 5


@pytest.mark.full
def test_enough_rules_are_emulated() -> None:
    assert sum(len(emulated(part)) for part in PARTS) > len(FILES) / 3


floats = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)


def flushed(value: np.float32) -> np.float32:
    """What is left where denormal numbers are zero."""
    return np.copysign(np.float32(0), value) if abs(value) < SMALLEST else value


@given(st.sampled_from("+-*/"), floats, floats)
def test_emulated_operations_are_ieee_s(operator: str, a: float, b: float) -> None:
    x, y = np.float32(a), np.float32(b)
    with np.errstate(all="ignore"):
        expected = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}[operator](x, y)
    if operator == "/" and b == 0:
        return
    found = in_float32(Operation(operator, (Name("a"), Name("b"))), {"a": a, "b": b})
    assert np.float32(found).tobytes() == flushed(expected).tobytes()


@given(floats.map(abs))
def test_emulated_roots_are_ieee_s(a: float) -> None:
    found = in_float32(Operation("sqrt", (Name("a"),)), {"a": a})
    assert np.float32(found).tobytes() == np.sqrt(np.float32(a)).tobytes()


@given(st.floats(min_value=2.0**-120, max_value=2.0**120, width=32), st.integers(-8, 8))
def test_errors_count_units_in_the_last_place(value: float, units: int) -> None:
    spacing = float(np.spacing(np.float32(value)))
    exact = Fraction(value) + units * Fraction(spacing)
    with mpmath.workdps(50):
        found = error_in_ulps(value, mpmath.mpf(exact.numerator) / exact.denominator)
    # Above a power of 2 a unit is twice as large as below it.
    expected = (
        {0.0} if abs(units) * spacing < SMALLEST else {abs(units), abs(units) / 2, 2 * abs(units)}
    )
    assert found in expected


@pytest.mark.parametrize(
    ("error", "shown"),
    [(0.0, "0"), (0.31, "0.4"), (1.0, "1"), (2.01, "3"), (9.5, "10"), (1234.5, "2000")],
)
def test_errors_are_rounded_up(error: float, shown: str) -> None:
    assert one_digit(error) == shown
