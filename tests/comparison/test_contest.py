"""Searches, runs, and what is said of them."""

from __future__ import annotations

import math
from itertools import combinations

import pytest

from optgen.comparison.contest import SEARCH_SEED, Contest, Entry, Terms, hold
from optgen.comparison.notes import notes
from optgen.comparison.search import Method, Search
from optgen.comparison.training import Run
from tests.comparison.planted import PARABOLA, descent, planted


def held(terms: Terms, *titles: str) -> tuple[Contest, list[Run]]:
    runs: list[Run] = []
    contestants = [descent(title) for title in titles or ("descent",)]
    return hold(PARABOLA, contestants, terms, runs.append), runs


def test_a_planted_better_rate_is_found() -> None:
    found, _ = held(Terms(Search(trials=5)))
    (entry,) = found.entries
    # Rates go from a hundredth of 0.1 to a hundred times that; 1 leaves nothing.
    assert [trial.rate for trial in entry.trials] == pytest.approx([1e-3, 1e-2, 0.1, 1, 10])
    assert entry.rate == pytest.approx(1)
    assert entry.median < 1e-12
    assert not entry.at_edge


def test_losses_are_those_of_descent_by_hand() -> None:
    found, _ = held(Terms(Search(trials=1), seeds=1, budget=40))
    (run,) = found.entries[0].runs
    assert run.steps == tuple(range(0, 41, 2))
    # Each step takes off a tenth.
    expected = [(2 * 0.9**step) ** 2 / 2 for step in run.steps]
    assert run.losses == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("method", Method)
def test_every_rule_has_as_many_runs_with_other_seeds_than_its_search(method: Method) -> None:
    found, runs = held(Terms(Search(trials=4, method=method), seeds=2), "one", "other")
    assert len(runs) == 2 * (4 + 2)
    for entry in found.entries:
        assert {trial.seed for trial in entry.trials} == {SEARCH_SEED}
        assert [run.seed for run in entry.runs] == [SEARCH_SEED + 1, SEARCH_SEED + 2]
    one, other = found.entries
    assert (one.trials, one.runs) == (other.trials, other.runs)


def test_random_rates_lie_between_the_limits() -> None:
    search = Search(50, Method.RANDOM, (1e-4, 1.0))
    rates = [rate for rate in search.rates(123.0) if rate is not None]
    assert sorted(rates) == rates
    assert min(rates) > 1e-4
    assert max(rates) < 1
    # Even in the logarithm: about half lie below the middle.
    assert 10 < sum(rate < 1e-2 for rate in rates) < 40


def test_a_rule_without_a_rate_has_one_setting() -> None:
    contest = hold(PARABOLA, [descent(default=None)], Terms(), lambda _: None)
    assert [trial.rate for trial in contest.entries[0].trials] == [None]
    assert "no learning rate to search for in descent" in "\n".join(notes([contest], Terms()))


def entry(title: str, *finals: float, rate: float = 1.0) -> Entry:
    runs = tuple(Run(seed, rate, (0,), (final,)) for seed, final in enumerate(finals))
    return Entry(title, tuple(Run(0, r, (0,), (1.0,)) for r in (0.1, 1.0, 10.0)), runs)


def test_statistics_of_an_entry() -> None:
    one = entry("one", 4.0, 1.0, 3.0, 2.0, 5.0)
    assert (one.median, one.quartiles) == (3, (2, 4))
    assert not one.at_edge
    assert entry("other", 1.0, rate=10.0).at_edge
    lost = entry("lost", 1.0, math.inf, math.inf)
    assert lost.median == math.inf


@pytest.mark.parametrize(
    ("other", "tie"), [((3.5, 4, 5), False), ((3, 4, 5), True), ((0.5, 2, 9), True)]
)
def test_ranges_that_overlap_are_a_tie(other: tuple[float, ...], tie: bool) -> None:
    one, two = entry("one", 1, 2, 3), entry("two", *other)
    assert one.ties(two) == two.ties(one) == tie


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_the_chance_of_a_difference_that_is_none(seeds: int) -> None:
    """Count all ways in which the runs of two rules can lie in order."""
    ways = [*combinations(range(2 * seeds), seeds)]
    apart = sum(max(way) == seeds - 1 or min(way) == seeds for way in ways)
    assert Terms(seeds=seeds).chance == pytest.approx(apart / len(ways))


def test_what_cant_be_told_is_said() -> None:
    uphill = planted("uphill", lambda gradient, _: -gradient)
    slow = planted("slow", lambda gradient, _: gradient / 1000)
    both = [descent("a"), descent("b"), slow, uphill]
    terms = Terms(Search(trials=5), seeds=3, budget=200)
    contest = hold(PARABOLA, both, terms, lambda _: None)
    text = "\n".join(notes([contest], terms))
    assert "says little about large models" in text
    assert "parabola: a tie, as ranges overlap: a with b." in text
    assert "at an end of what was tried for slow (10)" in text
    assert "in 10.0% of tasks" in text
    assert [one.place for one in contest.entries] == [1, 1, 3, 4]


def test_a_run_that_diverges_ends() -> None:
    uphill = planted("uphill", lambda gradient, _: -100 * gradient, 1.0)
    terms = Terms(Search(trials=1), seeds=2, budget=100)
    contest = hold(PARABOLA, [uphill], terms, lambda _: None)
    (one,) = contest.entries
    assert one.median == math.inf
    assert one.runs[0].steps[-1] < 100
    assert "parabola: uphill diverged in 2 of 2 runs." in notes([contest], terms)
