"""Bounds of the first and of any step, in units of the learning rate.

A bound is derived without safety constants, and proved with them: the difference of the squares of
both sides, as a polynomial, is never negative.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from optgen.analysis.exact.bounds import bounds
from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.interval import POSITIVE
from optgen.analysis.exact.polynomial import NotPolynomialError, never_negative, plus, times
from optgen.analysis.exact.quotient import Quotients
from optgen.analysis.exact.simplified import product, quotient, written
from optgen.analysis.prove.equations import allows
from optgen.analysis.prove.invariants import MARGIN
from optgen.analysis.prove.large_gradients import large
from optgen.analysis.prove.ratio import lemmas, multiple
from optgen.analysis.prove.running_averages import Form, factor, form, new, running
from optgen.analysis.prove.safety_constants import small_numbers, without_small
from optgen.analysis.prove.sampling import CERTIFICATE, Sample, Search
from optgen.analysis.prove.variant import Variant, last_location
from optgen.compiler.ir.expression import (
    Expression,
    Number,
    Operation,
    names,
    substitute,
    text,
)
from optgen.compiler.ir.proof import Finding, Group, Verdict
from optgen.compiler.ir.rule import CALL, GRAD, LEARNING_RATE, PARAM, STEP
from optgen.compiler.ir.value import constant

Defaults = Mapping[str, float]
FIRST = "the first step is bounded in units of the learning rate"
EVER = "every step is bounded in units of the learning rate"
_NOT_PROPORTIONAL = "the step isn't proportional to the learning rate"
_TOO_MUCH = "the rule has too many settings, or values too large, for bounds of its steps"
_UNKNOWN = "no bound was certified, and no gradients make it large"


@dataclass(frozen=True)
class Bound:
    """The largest step in learning rates, if all conditions hold."""

    limit: Expression
    conditions: tuple[Expression, ...] = ()

    def said(self, defaults: Defaults) -> str:
        """The bound in words, with its value for the defaults and its conditions."""
        value = constant(folded(self.limit, {k: Number(v) for k, v in defaults.items()}))
        number = "" if value is None or not names(self.limit) else f", by default {value:.3g}"
        asked = " and ".join(map(text, self.conditions))
        return f"by {text(self.limit)}{number}" + (f", where {asked}" if asked else "")


def sizes(variant: Variant, search: Search, defaults: Defaults) -> Iterator[Finding]:
    """The two findings about the size of a step."""
    if not allows(variant, {}, {LEARNING_RATE: 1}, 1):
        for statement in (FIRST, EVER):
            yield _told(variant, statement, Verdict.UNDECIDED, _NOT_PROPORTIONAL)
        return
    if search.budget.left <= 0:
        for statement in (FIRST, EVER):
            yield _told(variant, statement, Verdict.UNDECIDED, _TOO_MUCH)
        return
    bounds_of = _Bounds(variant, search, small_numbers(variant, defaults))
    yield _finding(variant, defaults, FIRST, bounds_of.first())
    yield _finding(variant, defaults, EVER, bounds_of.ever())


def _finding(variant: Variant, defaults: Defaults, statement: str, found: Bound | None) -> Finding:
    if found is not None:
        return _told(variant, statement, Verdict.PROVED, found.said(defaults))
    example = large(variant, defaults, first=statement == FIRST)
    if example is None:
        return _told(variant, statement, Verdict.UNDECIDED, _UNKNOWN)
    reason = f"{example.gradients} move the parameter by {example.size:.2g} learning rates"
    return _told(variant, statement, Verdict.REFUTED, reason)


def _told(variant: Variant, statement: str, verdict: Verdict, reason: str) -> Finding:
    location = last_location(variant)
    return Finding(Group.SIZE, statement, verdict, location, variant.label, reason)


class _Bounds:
    """Searches for bounds of the steps of one variant."""

    def __init__(self, variant: Variant, search: Search, small: set[str]) -> None:
        self._variant, self._search, self._small = variant, search, small
        self._moving = {GRAD, PARAM, STEP, CALL, *(state.name for state in variant.states)}

    def first(self) -> Bound | None:
        """A bound of the first step."""
        fresh = {**self._variant.fresh(), LEARNING_RATE: Number(1)}
        return self._plain(folded(self._variant.change, fresh))

    def ever(self) -> Bound | None:
        """A bound of every step."""
        try:
            found = form(self._variant)
            return self._bound(found.change, found, depth=2)
        except (NotPolynomialError, ArithmeticError):
            return None

    def _bound(self, moved: Expression, found: Form, depth: int) -> Bound | None:
        whole = moved
        for state in reversed(list(found.states)):
            whole = substitute(whole, {new(state): found.states[state]})
        plain = self._plain(whole)
        if plain is not None:
            return plain
        by_lemma = self._by_lemma(moved, found)
        if by_lemma is not None or depth == 0:
            return by_lemma
        return self._by_sum(moved, found, depth)

    def _plain(self, moved: Expression) -> Bound | None:
        """A bound for all states: by intervals, or by initial states and large gradients."""
        interval = bounds(moved, self._variant.known)
        if interval.low is not None and interval.high is not None:
            largest = max(abs(interval.low), abs(interval.high))
            return Bound(quotient(Number(largest.numerator), Number(largest.denominator)))
        try:
            fresh = without_small(folded(moved, self._variant.fresh()), self._small)
            source = Quotients({**self._variant.known, GRAD: POSITIVE})
            limit = written(source.of(Operation("abs", (fresh,))), source)
            if self._moving & set(names(limit)) or limit == Number(0):
                return None
            return Bound(limit) if self._is_bound(moved, limit) else None
        except (NotPolynomialError, ArithmeticError):
            return None

    def _by_lemma(self, moved: Expression, found: Form) -> Bound | None:
        """A bound for a multiple of the quotient of a mean and a norm of gradients."""
        known = self._variant.known
        for lemma in lemmas(list(running(found, self._variant, self._small)), known):
            self._search.budget.left -= CERTIFICATE
            try:
                scale = multiple(moved, found, lemma, known, self._small)
            except NotPolynomialError:
                continue
            if scale is not None and not self._moving & set(names(scale)):
                return Bound(product(scale, lemma.factor), (lemma.condition,))
        return None

    def _by_sum(self, moved: Expression, found: Form, depth: int) -> Bound | None:
        """A bound for a multiple of a state that decays and accumulates bounded terms."""
        for state in self._variant.states:
            scale = factor(moved, new(state.name), self._variant.known)
            value = found.states.get(state.name)
            if scale is None or value is None or state.initial != 0:
                continue
            added = folded(value, {state.name: Number(0)})
            kept = factor(Operation("-", (value, added)), state.name, self._variant.known)
            if kept is None or self._moving & set(names(scale)):
                continue
            forgets = self._forgets(kept)
            if forgets is None:
                continue
            own = self._bound(added, found, depth - 1)
            if own is None:
                continue
            left = Operation("-", (Number(1), kept))
            whole = quotient(product(Operation("abs", (scale,)), own.limit), left)
            return Bound(self._simple(whole), (*own.conditions, *forgets))
        return None

    def _forgets(self, kept: Expression) -> tuple[Expression, ...] | None:
        """The conditions under which a factor per step makes a state decay."""
        if not bounds(kept, self._variant.known).is_nonnegative:
            return None
        left = Operation("-", (Number(1), kept))
        if bounds(left, self._variant.known).is_positive:
            return ()
        return (Operation("<", (kept, Number(1))),)

    def _simple(self, limit: Expression) -> Expression:
        source = Quotients(self._variant.known)
        try:
            return written(source.of(limit), source)
        except NotPolynomialError:
            return limit

    def _is_bound(self, moved: Expression, limit: Expression) -> bool:
        """Whether ``limit**2 - moved**2``, as one quotient, is proved to be nonnegative."""

        def is_refuted(sample: Sample) -> bool:
            # A counterexample is found faster than the absence of a certificate.
            return bool(abs(sample.value(moved)) > (1 + MARGIN) * abs(sample.value(limit)))

        if self._search.find([moved, limit], is_refuted) is not None:
            return False
        self._search.budget.left -= CERTIFICATE
        source = Quotients(self._variant.known)
        change, most = source.of(moved), source.of(limit)
        left = times(times(most.top, most.top), times(change.bottom, change.bottom))
        right = times(times(change.top, change.top), times(most.bottom, most.bottom))
        found = source.reduced(plus(left, right, Fraction(-1)))
        return never_negative(found, source.known)
