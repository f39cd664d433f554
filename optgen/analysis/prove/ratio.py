"""Certified bounds of a mean of gradients divided by a norm of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction

from optgen.analysis.exact.bounds import Known, bounds
from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.interval import EVERYTHING, NONNEGATIVE
from optgen.analysis.exact.polynomial import never_negative, plus, powers, times
from optgen.analysis.exact.quotient import Quotients
from optgen.analysis.exact.simplified import product, quotient, written
from optgen.analysis.prove.running_averages import Form, Running, new, slack
from optgen.analysis.prove.safety_constants import without_small
from optgen.compiler.ir.expression import (
    Expression,
    Name,
    Number,
    Operation,
    names,
    rewrite,
    substitute,
)
from optgen.compiler.ir.rule import STEP

ONE = Number(1)


@dataclass(frozen=True)
class Lemma:
    """A mean of gradients is at most a factor times a norm of them.

    Let ``mean`` be the running sum m of gradients with decay a and weight c, and ``norm`` the
    running sum v of their squares with decay b and weight d. After t steps ``m**2 <= factor**2*(1 -
    r**t)*v`` with ``r = a**2/b`` and ``factor**2 = c**2/(d*(1 - r))``, by Cauchy's inequality for
    ``sum(c*a**i*g_i)``. If v is a running maximum, ``m <= factor*(1 - r**t)*v`` with ``r = a/b``
    and ``factor = c/(d*(1 - r))``, since no ``g_i`` is larger than ``v/(d*b**i)``. Both require r <
    1.
    """

    mean: Running
    norm: Running

    @property
    def _ratio(self) -> tuple[Expression, Expression]:
        above = self.mean.decay
        if self.norm.power == 2:
            above = Operation("**", (above, Number(2)))
        return above, self.norm.decay

    @property
    def condition(self) -> Expression:
        """The condition of the lemma beyond the ranges of hyperparameters."""
        return Operation("<", self._ratio)

    @property
    def factor(self) -> Expression:
        """The bound of the mean as a multiple of the norm."""
        rest = Operation("-", (ONE, Operation("/", self._ratio)))
        bottom = product(self.norm.weight, rest)
        if self.norm.power == 2:
            bottom = Operation("sqrt", (bottom,))
        return quotient(self.mean.weight, bottom)

    def holds(self, known: Known) -> bool:
        """Whether decays and weights have the signs that the lemma requires."""
        nonnegative = (self.mean.decay, self.mean.weight, self.norm.decay)
        decay = bounds(self.norm.decay, known)
        return (
            all(bounds(part, known).is_nonnegative for part in nonnegative)
            and bounds(self.norm.weight, known).is_positive
            and decay.high is not None
            and decay.high <= 1
        )

    def powers(self) -> Iterator[tuple[Expression, Expression]]:
        """Lower bounds of ``r**t`` as quotients of powers; decays of the norm are 1 at most."""
        a, b = (Operation("**", (one.decay, Name(STEP))) for one in (self.mean, self.norm))
        if self.norm.power == 2:
            square = Operation("**", (a, Number(2)))
            yield square, b
            yield square, ONE
        else:
            yield a, ONE
        yield Number(0), ONE


def lemmas(running: list[Running], known: Known) -> Iterator[Lemma]:
    """The lemma for each pair of a mean of gradients and a norm of gradients."""
    for mean in running:
        for norm in running:
            lemma = Lemma(mean, norm)
            if mean.power == 1 and norm.power in (0, 2) and lemma.holds(known):
                yield lemma


def multiple(
    moved: Expression, found: Form, lemma: Lemma, known: Known, small: Collection[str]
) -> Expression | None:
    """The multiple of the lemma's factor that bounds a change, with a certificate; free of states.

    Raises NotPolynomialError.
    """
    mean, norm = new(lemma.mean.state), new(lemma.norm.state)
    larger = {
        new(state): Operation("+", (Name(norm), Name(slack(state))))
        for state, value in found.states.items()
        if is_largest(value, state, norm)
    }
    moved = substitute(moved, larger)
    own = {mean: EVERYTHING, norm: NONNEGATIVE}
    own |= {slack(state): NONNEGATIVE for state in found.states}
    source = Quotients({**known, **own})
    late = without_small(folded(_scale(moved, mean, norm), {}), small)
    scale = written(source.of(Operation("abs", (late,))), source)
    return scale if _is_certain(source, moved, scale, lemma) else None


def is_largest(value: Expression, state: str, norm: str) -> bool:
    """Whether a state is the running maximum of a norm."""
    return (
        isinstance(value, Operation)
        and value.operator == "max"
        and set(value.operands) == {Name(state), Name(norm)}
    )


def _scale(moved: Expression, mean: str, norm: str) -> Expression:
    """The limit of a change after many steps, for a mean and a norm of 1."""

    def late(part: Expression) -> Expression | None:
        if isinstance(part, Operation) and part.operator == "**":
            return Number(0) if part.operands[1] == Name(STEP) else None
        return None

    ones: dict[str, Expression] = {mean: ONE, norm: ONE}
    ones |= {name: Number(0) for name in names(moved) if name.startswith(slack(""))}
    return substitute(rewrite(moved, late), ones)


def _is_certain(source: Quotients, moved: Expression, scale: Expression, lemma: Lemma) -> bool:
    """Whether ``scale**2*(mean's bound)**2 >= moved**2`` follows from the lemma."""
    change, most = source.of(moved), source.of(scale)
    parts = powers(change.top, new(lemma.mean.state))
    if len(parts) != 2 or parts[0]:
        return False
    norm = source.of(Name(new(lemma.norm.state))).top
    left, right = (times(side, side) for side in (most.top, most.bottom))
    left = times(left, times(change.bottom, change.bottom))
    right = times(right, times(parts[1], parts[1]))
    for top, bottom in lemma.powers():
        power = source.of(Operation("/", (top, bottom)))
        whole, rest = power.bottom, plus(power.bottom, power.top, Fraction(-1))
        if lemma.norm.power == 0:
            whole, rest = times(whole, whole), times(times(rest, rest), norm)
        found = plus(times(left, whole), times(right, times(rest, norm)), Fraction(-1))
        if never_negative(source.reduced(found), source.known):
            return True
    return False
