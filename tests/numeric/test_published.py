"""Values that were published, and the formulas of the papers at 50 digits, written out by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optgen.optimizers import SGD, Adadelta, Adam, Adamax, RMSprop

mpmath.mp.dps = 50
mpf = mpmath.mpf
Real = Any

GRADIENTS = ["0.3", "-1.7", "0.02", "5.5", "-0.4", "1e-4", "2.25"]


def test_the_example_of_the_rmsprop_page() -> None:
    for dtype in (np.float32, np.float64):
        variable = np.array(10.0, dtype)
        # The loss is variable**2 / 2.
        RMSprop(learning_rate=0.1).apply([variable.copy()], [variable])
        assert float(variable) == pytest.approx(9.683772, abs=1e-6)


def test_the_first_step_of_adamax_and_of_adam_is_the_learning_rate() -> None:
    for cls in (Adamax, Adam):
        variable = np.array([1.0, 1.0, 1.0])
        cls(learning_rate=0.25, epsilon=1e-30).apply([np.array([3.0, -1e-3, 7e5])], [variable])
        np.testing.assert_allclose(variable, [0.75, 1.25, 0.75], rtol=1e-12)


def sgd(nesterov: bool) -> Iterator[Real]:
    w, v, rate, momentum = mpf(1), mpf(0), mpf(0.01), mpf(0.9)
    for text in GRADIENTS:
        g = mpf(float(text))
        v = momentum * v - rate * g
        w += momentum * v - rate * g if nesterov else v
        yield w


def rmsprop(centered: bool) -> Iterator[Real]:
    w, v, a, b = mpf(1), mpf(0), mpf(0), mpf(0)
    rate, rho, momentum, epsilon = mpf(0.001), mpf(0.9), mpf(0.5), mpf(1e-7)
    for text in GRADIENTS:
        g = mpf(float(text))
        v = rho * v + (1 - rho) * g**2
        a = rho * a + (1 - rho) * g
        below = v - a**2 + epsilon if centered else v + epsilon
        b = momentum * b + rate * g / mpmath.sqrt(below)
        w -= b
        yield w


def adadelta() -> Iterator[Real]:
    w, g2, d2, rate, rho, epsilon = mpf(1), mpf(0), mpf(0), mpf(0.5), mpf(0.95), mpf(1e-7)
    for text in GRADIENTS:
        g = mpf(float(text))
        g2 = rho * g2 + (1 - rho) * g**2
        d = mpmath.sqrt(d2 + epsilon) / mpmath.sqrt(g2 + epsilon) * g
        d2 = rho * d2 + (1 - rho) * d**2
        w -= rate * d
        yield w


def adamax() -> Iterator[Real]:
    w, m, u = mpf(1), mpf(0), mpf(0)
    rate, beta_1, beta_2, epsilon = mpf(0.001), mpf(0.9), mpf(0.999), mpf(1e-7)
    for t, text in enumerate(GRADIENTS, start=1):
        g = mpf(float(text))
        m = beta_1 * m + (1 - beta_1) * g
        u = max(beta_2 * u, abs(g))
        w -= rate / (1 - beta_1**t) * m / (u + epsilon)
        yield w


def adam(amsgrad: bool) -> Iterator[Real]:
    w, m, v, top = mpf(1), mpf(0), mpf(0), mpf(0)
    rate, beta_1, beta_2, epsilon = mpf(0.001), mpf(0.9), mpf(0.999), mpf(1e-7)
    for t, text in enumerate(GRADIENTS, start=1):
        g = mpf(float(text))
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        top = max(top, v)
        root = mpmath.sqrt(top if amsgrad else v)
        w -= rate * mpmath.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (root + epsilon)
        yield w


CASES: dict[str, tuple[Callable[[], Any], Callable[[], Iterator[Real]]]] = {
    "momentum": (lambda: SGD(momentum=0.9), lambda: sgd(False)),
    "nesterov": (lambda: SGD(momentum=0.9, nesterov=True), lambda: sgd(True)),
    "rmsprop": (lambda: RMSprop(momentum=0.5), lambda: rmsprop(False)),
    "centered": (lambda: RMSprop(momentum=0.5, centered=True), lambda: rmsprop(True)),
    "adadelta": (lambda: Adadelta(learning_rate=0.5), adadelta),
    "adamax": (Adamax, adamax),
    "adam": (Adam, lambda: adam(False)),
    "amsgrad": (lambda: Adam(amsgrad=True), lambda: adam(True)),
}


@pytest.mark.parametrize("case", CASES)
def test_fifty_digits(case: str) -> None:
    make, exact = CASES[case]
    optimizer, variable = make(), np.array(1.0)
    optimizer.build([variable])
    for text, expected in zip(GRADIENTS, exact(), strict=True):
        optimizer.apply([np.array(float(text))])
        assert abs(mpf(float(variable)) - expected) < mpf(10) ** -14 * (1 + abs(expected))


@pytest.mark.parametrize(
    "optimizer",
    [
        Adamax,
        lambda: Adam(amsgrad=True),
        lambda: RMSprop(centered=True, clipvalue=1.0),
        lambda: SGD(clipnorm=1.0),
        lambda: Adadelta(global_clipnorm=1.0),
    ],
)
def test_nan_is_never_dropped(optimizer: Callable[[], Any]) -> None:
    variable = np.zeros(3, np.float32)
    made = optimizer()
    made.apply([np.array([1.0, np.nan, 1.0], np.float32)], [variable])
    assert np.isnan(variable[1])


def test_centered_rmsprop_survives_noisy_gradients() -> None:
    # The difference under the root turns negative in float32 near step 138 if it isn't clamped.
    draw = np.random.default_rng(0)
    variable = np.zeros(1000, np.float32)
    optimizer = RMSprop(learning_rate=0.001, centered=True)
    optimizer.build([variable])
    for _ in range(400):
        optimizer.apply([np.asarray(10 + 1e-3 * draw.normal(size=1000), np.float32)])
    assert np.isfinite(variable).all()


numbers = st.floats(-1e6, 1e6, width=32)


@settings(deadline=None, max_examples=40)
@given(st.lists(numbers, min_size=1, max_size=9), st.integers(-20, 20))
def test_a_loss_scaled_by_a_power_of_two_changes_no_bit(values: list[float], power: int) -> None:
    gradient = np.array(values, np.float64)
    plain, scaled = np.zeros(len(values)), np.zeros(len(values))
    RMSprop().apply([gradient], [plain])
    RMSprop(loss_scale_factor=2.0**power).apply([gradient * 2.0**power], [scaled])
    np.testing.assert_array_equal(plain, scaled)


@settings(deadline=None, max_examples=40)
@given(st.lists(numbers, min_size=1, max_size=9), st.sampled_from([1, 2, 4, 8]))
def test_equal_gradients_accumulate_to_one_step(values: list[float], calls: int) -> None:
    gradient = np.array(values, np.float64)
    plain, summed = np.zeros(len(values)), np.zeros(len(values))
    Adamax().apply([gradient], [plain])
    optimizer = Adamax(gradient_accumulation_steps=calls)
    optimizer.build([summed])
    for _ in range(calls):
        optimizer.apply([gradient])
    np.testing.assert_array_equal(plain, summed)
    assert optimizer.iterations == 1
