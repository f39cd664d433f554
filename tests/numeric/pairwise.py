"""Few settings of many switches, so that every pair of levels of two switches is in one."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, product

Levels = Mapping[str, str]
Pair = frozenset[tuple[str, str]]

#: Candidates for each row of the cover; more give fewer rows, and take longer.
TRIES = 60


def pairs(row: Levels) -> set[Pair]:
    """The pairs that a setting has in it."""
    return {frozenset(two) for two in combinations(row.items(), 2)}


def possible_pairs(
    factors: Mapping[str, Sequence[str]], allowed: Callable[[Levels], bool]
) -> set[Pair]:
    """All pairs of levels of two factors that may be together."""
    return {
        frozenset([(one, a), (other, b)])
        for one, other in combinations(factors, 2)
        for a, b in product(factors[one], factors[other])
        if allowed({one: a, other: b})
    }


def cover(
    factors: Mapping[str, Sequence[str]], allowed: Callable[[Levels], bool], seed: int = 0
) -> list[Levels]:
    """Settings that have all possible pairs in them, chosen greedily."""
    draw = random.Random(seed)
    left, rows = possible_pairs(factors, allowed), []
    while left:
        candidates = (_candidate(factors, allowed, left, draw) for _ in range(TRIES))
        best = max(candidates, key=lambda row: len(pairs(row) & left))
        rows.append(best)
        left -= pairs(best)
    return rows


def _candidate(
    factors: Mapping[str, Sequence[str]],
    allowed: Callable[[Levels], bool],
    left: set[Pair],
    draw: random.Random,
) -> Levels:
    """A setting that begins with a pair that is left, and adds the best level of each factor."""
    row: dict[str, str] = dict(draw.choice(sorted(map(sorted, left))))
    for factor in draw.sample(sorted(factors), len(factors)):
        if factor in row:
            continue
        fitting = [level for level in factors[factor] if allowed({**row, factor: level})]
        gains = {
            level: len(pairs({**row, factor: level}) & left) + draw.random() for level in fitting
        }
        row[factor] = max(gains, key=gains.__getitem__)
    return {factor: row[factor] for factor in factors}
