"""Rules of which theory says what they can't do, through the battery."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optgen.comparison.battery import CRITERIA, Criterion, examine
from optgen.comparison.contestants import Contestant
from optgen.comparison.fields import Bowl, Drifting, Field, Noisy, Saddle, Skewed, Sparse
from optgen.comparison.search import Search
from tests.comparison.planted import descent, planted

NAMED = {criterion.name: criterion for criterion in CRITERIA}
SEARCH = Search(trials=5)
SIGN = planted("sign", lambda gradient, _: np.sign(gradient))
#: Robbins and Monro, 1951: rates that fall as 1/n.
FALLING = planted("falling", lambda gradient, step: gradient / step)


def passed(rule: Contestant, *names: str) -> dict[str, bool]:
    chosen = [NAMED[name] for name in names]
    found = examine(rule, SEARCH, lambda _: None, chosen)
    return {one.criterion.name: one.passed for one in found.verdicts}


@pytest.mark.parametrize("name", NAMED)
def test_a_rule_that_climbs_fails_everywhere(name: str) -> None:
    assert not passed(planted("climb", lambda gradient, _: -gradient), name)[name]


def test_descent_depends_on_scales_only() -> None:
    easy = ("saddle", "noise", "skew", "sparse", "drift")
    assert passed(descent(), *easy) == dict.fromkeys(easy, True)
    # A curvature of 1000 needs a rate below 0.002; one of 0.001, more than 1 in so few steps.
    scales = ("loss_scale", "parameter_scale")
    assert passed(descent(), *scales) == dict.fromkeys(scales, False)


def test_signs_follow_the_median() -> None:
    found = passed(SIGN, "noise", "skew", "loss_scale", "parameter_scale")
    # Of a loss's scale nothing is left in a sign; a step has a size of its own.
    expected = {"noise": True, "skew": False, "loss_scale": True, "parameter_scale": False}
    assert found == expected


def test_rates_that_fall_lose_a_moving_minimum() -> None:
    assert passed(FALLING, "noise", "drift") == {"noise": True, "drift": False}


def test_a_rate_at_an_end_is_marked() -> None:
    # The best rate for noise is near 0.02; these are too low.
    search = Search(3, limits=(1e-6, 1e-5))
    (verdict,) = examine(descent(), search, lambda _: None, [NAMED["noise"]]).verdicts
    assert (verdict.passed, verdict.at_edge) == (False, True)
    assert verdict.rate == pytest.approx(1e-5)


def test_what_diverges_has_no_score() -> None:
    wild = planted("wild", lambda gradient, _: 1e9 * gradient)
    (verdict,) = examine(wild, SEARCH, lambda _: None, [NAMED["noise"]]).verdicts
    assert (verdict.score, verdict.passing) == (math.inf, 0)


@pytest.mark.parametrize("field", [Noisy, Skewed, Drifting])
def test_noise_is_none_in_the_mean(field: type[Bowl]) -> None:
    one = field()
    seen = []
    for _ in range(4000):
        one.backward(0)
        seen.append(one.gradients["matrix"].copy())
    np.testing.assert_allclose(np.mean(seen, axis=0), one.distance(0), atol=0.25)
    assert np.std(seen, axis=0).min() > 0.05


@pytest.mark.parametrize(
    ("field", "factor"),
    [(Bowl(height=3.0), 3 * 32), (Bowl(width=2.0), 32), (Saddle(), 48)],
    ids=["height", "width", "saddle"],
)
def test_gradients_are_slopes_of_losses(field: Field, factor: float) -> None:
    """A loss is the mean over so many elements, without the height."""
    field.backward(0)
    for path, array in field.parameters.items():
        losses = []
        for moved in (1e-2, -2e-2):
            array[0, 0] += moved
            losses.append(field.loss(0))
        array[0, 0] += 1e-2
        slope = factor * (losses[0] - losses[1]) / 2e-2
        assert field.gradients[path][0, 0] == pytest.approx(slope, rel=1e-2, abs=1e-3)


def test_rare_gradients_are_rare() -> None:
    field = Sparse()
    there = np.zeros_like(field.gradients["matrix"])
    for _ in range(3000):
        field.backward(0)
        there += field.gradients["matrix"] != 0
    assert (there[4:] == 3000).all()
    np.testing.assert_allclose(there[:4] / 3000, 0.02, atol=0.015)


def test_a_criterion_states_itself() -> None:
    text = str(Criterion("plain", "a bowl", 0.5, 10, (Bowl,)))
    assert text == (
        "plain: a bowl. Passed if, at one of the rates, the mean loss of the last 20% of 10 steps "
        "is at most 0.5 of the first loss, in this run."
    )
