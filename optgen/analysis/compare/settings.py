"""Switch settings in which two optimizers are compared, with sample values."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from optgen.analysis.compare.straight_line import (
    Straight,
    Values,
    decided,
    holds,
    known_names,
    straight,
)
from optgen.analysis.exact.interval import EVERYTHING, NONNEGATIVE, Interval
from optgen.compiler.ir.expression import GIVEN, Expression, Number, names, text, walk
from optgen.compiler.ir.reserved import MATRIX
from optgen.compiler.ir.rule import COUNTERS, LEARNING_RATE, Rule
from optgen.compiler.ir.spec import Scalar

#: The limit on common switches; beyond it, only their defaults are compared.
MOST_SWITCHES = 5
_TRIED = (0.9, 0.5, 0.1, 0.0, 1.0, 2.0)


@dataclass(frozen=True)
class Pair:
    """Two straight-line steps in one setting, and values of their hyperparameters."""

    label: str
    left: Straight
    right: Straight
    draws: tuple[Mapping[str, float], ...]
    #: The hyperparameters that only one of them has, as numbers.
    own: tuple[Mapping[str, str], Mapping[str, str]]
    shared: frozenset[str]


def pairs(one: Rule, other: Rule, fixed: Values, other_fixed: Values) -> Iterator[Pair]:
    """Each setting of the common switches that no value decides."""
    rules, given = (one, other), (fixed, other_fixed)
    values = (decided(one, fixed), decided(other, other_fixed))
    shared = [
        atom
        for atom in _own_atoms(one)
        if atom in _own_atoms(other)
        and not set(names(one.atoms[atom])) & {*fixed, *other_fixed}
        and not atom.startswith(GIVEN)
    ]
    if MATRIX not in shared and any(MATRIX in _own_atoms(rule) for rule in rules):
        # Both have the same variables.
        shared.append(MATRIX)
    if len(shared) > MOST_SWITCHES:
        shared = []
    # What depends on the step is decided for both alike; runs go through several such settings.
    counted = [
        atom
        for atom in dict.fromkeys((*_own_atoms(one), *_own_atoms(other)))
        if not set(COUNTERS).isdisjoint(names(_condition(rules, atom)))
    ]
    shared = list(dict.fromkeys((*shared, *counted)))
    for chosen in product((False, True), repeat=len(shared)):
        on = dict(zip(shared, chosen, strict=True))
        numbers = _satisfying(rules, values, on)
        if numbers is not None and not counted:
            yield _pair(rules, given, numbers, on)
        elif numbers is not None or _may_be(rules, on):
            # No values for runs are known, but a proof may exist.
            yield replace(_pair(rules, given, numbers or values, on), draws=())


def _own_atoms(rule: Rule) -> list[str]:
    """Static conditions of an optimizer's own update, without features."""
    return list(dict.fromkeys(atom for step in rule.own.steps for atom in step.guard.atoms))


def _satisfying(
    rules: tuple[Rule, Rule], values: tuple[Values, Values], on: Mapping[str, bool]
) -> tuple[Values, Values] | None:
    """The values of each rule, adjusted so that the common conditions are as chosen."""
    chosen: dict[str, Scalar | None] = {}
    for atom, is_on in on.items():
        condition = _condition(rules, atom)
        for name in names(condition):
            near = (v for c in _constants(condition) for v in (c, c + 1, c - 1, c + 0.01, c - 0.01))
            tried = (chosen.get(name, values[0].get(name)), is_on, *_TRIED, *near)
            fits = (v for v in tried if _agrees(condition, {**values[0], **chosen, name: v}, is_on))
            value = next((v for v in fits if all(_allows(rule, name, v) for rule in rules)), None)
            if value is None:
                return None
            chosen[name] = value
    found = ({**values[0], **chosen}, {**values[1], **chosen})
    agree = (_agrees(_condition(rules, a), own, on[a]) for a in on for own in found)
    return found if all(agree) else None


def _condition(rules: tuple[Rule, Rule], atom: str) -> Expression:
    """A common static condition; one of the rules may not have it."""
    return next(rule.atoms[atom] for rule in rules if atom in rule.atoms)


def _constants(condition: Expression) -> list[float]:
    return [part.value for part in walk(condition) if isinstance(part, Number)]


def _may_be(rules: tuple[Rule, Rule], on: Mapping[str, bool]) -> bool:
    """Whether ranges and conditions leave a nonempty interval for each hyperparameter."""
    known: dict[str, Interval] = {}
    for rule in rules:
        for name, interval in known_names(rule, (), on).items():
            known[name] = known.get(name, EVERYTHING).meet(interval)
    return not any(interval.is_empty for interval in known.values())


def _agrees(condition: Expression, values: Values, is_on: bool) -> bool:
    try:
        return holds(condition, values) is is_on
    except KeyError:
        return False


def _allows(rule: Rule, name: str, value: Scalar | None) -> bool:
    hyperparameter = rule.hyperparameter(name)
    if hyperparameter is None:
        return True
    if hyperparameter.is_switch is not isinstance(value, bool):
        return False
    return hyperparameter.range is None or _agrees(hyperparameter.range, {name: value}, True)


def _pair(
    rules: tuple[Rule, Rule],
    given: tuple[Values, Values],
    values: tuple[Values, Values],
    on: Mapping[str, bool],
) -> Pair:
    sides = [
        straight(rule, {a: on[a] if a in on else holds(c, own) for a, c in rule.atoms.items()}, own)
        for rule, own in zip(rules, values, strict=True)
    ]
    both = (sides[0].numbers & sides[1].numbers) - given[0].keys() - given[1].keys()
    shown: list[dict[str, str]] = []
    for k, side in enumerate(sides):
        own = {n: v for n in sorted(side.numbers - both) if (v := values[k].get(n)) is not None}
        sides[k] = side.with_numbers({n: Number(v) for n, v in own.items()})
        shown.append({n: said(v) for n, v in own.items() if n not in given[k]})
    known = {
        n: sides[0].known.get(n, EVERYTHING).meet(sides[1].known.get(n, EVERYTHING)) for n in both
    }
    label = ", ".join(atom if is_on else f"not {atom}" for atom, is_on in on.items())
    draws = tuple(_draws(both, values, known))
    return Pair(label, sides[0], sides[1], draws, (shown[0], shown[1]), both)


def _draws(
    both: frozenset[str], values: tuple[Values, Values], known: Mapping[str, Interval]
) -> Iterator[dict[str, float]]:
    """Values for common hyperparameters: the defaults of each rule, and others in range."""
    for own in values:
        yield {n: float(own.get(n) or 0.0) for n in both}
    draw = random.Random(0)
    for turn in (-1, 1, 1):
        yield {n: _number(known[n], n, draw, turn) for n in sorted(both)}


def _number(interval: Interval, name: str, draw: random.Random, turn: int) -> float:
    if name == LEARNING_RATE:
        interval = interval.meet(NONNEGATIVE)
    low, high = interval.low, interval.high
    if low is not None and high is not None:
        return float(low) + float(high - low) * round(draw.uniform(0.1, 0.9), 3)
    size = round(draw.uniform(0.05, 1.5), 3)
    if low is not None:
        return float(low) + size
    return float(high) - size if high is not None else turn * size


Differing = dict[str, tuple[str, str]]


def differing(one: Rule, other: Rule, used: set[str]) -> tuple[Differing, Differing]:
    """Defaults and ranges of hyperparameters with equal names that differ."""
    defaults, ranges = {}, {}
    for name in sorted(used):
        mine, theirs = one.hyperparameter(name), other.hyperparameter(name)
        if mine is None or theirs is None:
            continue
        if mine.default != theirs.default:
            defaults[name] = (said(mine.default), said(theirs.default))
        a, b = (text(h.range) if h.range is not None else "any" for h in (mine, theirs))
        if a != b:
            ranges[name] = (a, b)
    return defaults, ranges


def said(value: Scalar | None) -> str:
    """A value in the syntax of given values."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"
