"""Linear equations with exact coefficients, between unknown degrees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from optgen.analysis.exact.work import spend

#: Coefficients of unknown degrees; the key of the constant is "".
Linear = dict[str, Fraction]


class NoDegreeError(Exception):
    """A part of a rule that has no degree for any values of the unknown degrees."""


@dataclass
class System:
    """Linear equations between degrees, in reduced row form; each row equals 0."""

    rows: dict[str, Linear] = field(default_factory=dict)
    small: list[str] = field(default_factory=list)

    def reduced(self, form: Linear) -> Linear:
        """A linear form after substitution of the solved unknowns."""
        result = dict(form)
        for unknown in list(result):
            if unknown in self.rows:
                scale = result.pop(unknown)
                for other, value in self.rows[unknown].items():
                    result[other] = result.get(other, Fraction(0)) + scale * value
        return {key: value for key, value in result.items() if value}

    def equate(self, left: Linear, right: Linear, why: Callable[[], str]) -> None:
        """Add an equation. Raises NoDegreeError with a reason if it contradicts the others."""
        spend(1 + len(left) + len(right) + len(self.rows))
        row = self.reduced(plus(left, right, Fraction(-1)))
        unknowns = [key for key in row if key]
        if not unknowns:
            if row:
                raise NoDegreeError(why())
            return
        pivot = unknowns[0]
        scale = -row.pop(pivot)
        solved = {key: value / scale for key, value in row.items()}
        for known in self.rows.values():
            if pivot in known:
                factor = known.pop(pivot)
                for key, value in solved.items():
                    known[key] = known.get(key, Fraction(0)) + factor * value
        self.rows[pivot] = solved


def plus(left: Linear, right: Linear, scale: Fraction) -> Linear:
    """``left + scale*right``."""
    total = dict(left)
    for key, value in right.items():
        total[key] = total.get(key, Fraction(0)) + scale * value
    return {key: value for key, value in total.items() if value}


def scaled(form: Linear, scale: Fraction) -> Linear:
    """A multiple of a linear form."""
    return {key: value * scale for key, value in form.items() if scale}
