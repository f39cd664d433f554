"""Sample values of hyperparameters over their ranges, including values near the ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise, product

from optgen.compiler.ir.condition import NEVER, Condition
from optgen.compiler.ir.expression import Number, walk
from optgen.compiler.ir.rule import Hyperparameter, Rule
from optgen.compiler.ir.value import evaluate

#: The limit on sample points per setting of a rule.
MOST_POINTS = 600
#: The least number of values per hyperparameter.
LEAST = 4
_USUAL = [Fraction(size) for size in ("1e-6", "0.01", "0.3", "0.5", "0.9", "1", "2", "10", "1000")]
#: The distance of samples from the ends of a range, and their positions in between.
_INSIDE = Fraction(1, 10**6)
_BETWEEN = [Fraction(k, 10) for k in range(1, 10)]

Numbers = Mapping[str, Fraction]


def points(rule: Rule, when: Condition, names: Sequence[str]) -> Iterator[Numbers]:
    """Sample points of the named hyperparameters that satisfy a setting of the switches.

    There are none if the names are too many for a joint grid.
    """
    each = int(MOST_POINTS ** (1 / max(1, len(names))))
    if each < LEAST:
        return
    found = [h for h in rule.hyperparameters if h.name in names]
    for numbers in product(*(_spread(_allowed(h), each) for h in found)):
        chosen = {h.name: number for h, number in zip(found, numbers, strict=True)}
        if _is_open(rule, when, chosen):
            yield chosen


def _allowed(hyperparameter: Hyperparameter) -> list[Fraction]:
    """Numbers within a range, in ascending order."""
    condition, name = hyperparameter.range, hyperparameter.name
    tried = {*_USUAL, *(-size for size in _USUAL), Fraction(0)}
    if condition is not None:
        found = [Fraction(part.value) for part in walk(condition) if isinstance(part, Number)]
        ends = sorted({*found, *(-end for end in found)})
        tried |= {end + shift for end in ends for shift in (-_INSIDE, 0, _INSIDE)}
        tried |= {low + (high - low) * part for low, high in pairwise(ends) for part in _BETWEEN}
    return [
        number
        for number in sorted(tried)
        if (condition is None or evaluate(condition, {name: number}))
        and (number.denominator == 1 or not hyperparameter.integer)
    ]


def _spread(numbers: list[Fraction], most: int) -> list[Fraction]:
    """Both ends and some numbers in between, if there are more than the limit."""
    if len(numbers) <= most:
        return numbers
    return [numbers[k * (len(numbers) - 1) // max(1, most - 1)] for k in range(most)]


def _is_open(rule: Rule, when: Condition, numbers: Numbers) -> bool:
    """Whether a setting is consistent with these numbers, as far as they decide it."""
    known = []
    for atom in when.atoms:
        try:
            known.append((atom, bool(evaluate(rule.atoms[atom], numbers))))
        except (KeyError, ArithmeticError, ValueError):
            continue
    return when.given(tuple(known)) != NEVER
