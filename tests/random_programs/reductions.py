"""Reductions over variables, and over the rows and columns of those that are matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.random_programs.bounded import LONG, OWN_UNIT, Array, Level, Number
from tests.random_programs.matrices import Layout

_OVER = {"": Level.TENSOR, "row": Level.ROWS, "column": Level.COLUMNS, "global": Level.OPTIMIZER}
_KINDS = ("sum", "mean", "norm", "largest", "smallest")
REDUCTIONS = frozenset(
    {
        *(f"{over}_{kind}".strip("_") for over in ("", "row", "column") for kind in _KINDS),
        *("global_sum", "global_norm"),
    }
)


@dataclass(frozen=True)
class Freedom:
    """What a target may round otherwise than the CPU's kernels do.

    ``unit`` is that of each addition of a sum, whose squares mustn't leave a range. Numbers of the
    host, and of variables, rows and columns, may be of the parameter's format where they aren't
    wide.
    """

    unit: float = 2.0**-53
    smallest: float = float(np.finfo(np.float64).smallest_normal)
    largest: float = float(np.finfo(np.float64).max)
    wide_host: bool = True
    wide_numbers: bool = True


def reduced(layout: Layout, freedom: Freedom, name: str, operand: Number, running: Array) -> Number:
    """A reduction of one value for each place, as every place sees it.

    Only places that are ``running`` count. Of rows, columns and matrices each is one term, and of
    all else each element is.
    """
    prefix, _, kind = name.rpartition("_")
    over, terms = _OVER[prefix], operand.level
    if terms not in (Level.MATRIX, Level.ROWS, Level.COLUMNS):
        terms = Level.ELEMENT
    if over in (Level.ROWS, Level.COLUMNS) and terms != Level.ELEMENT:
        if Level(over | terms) is not Level.ELEMENT:
            raise ValueError(f"{name} of what is the same along it")
        over = Level.MATRIX
    term = layout.rounding.at(operand, terms)
    places, units = layout.terms(terms), layout.units(over)
    places = places[running[places]]
    own = _Terms(term.value[places], term.error[places], units[places], int(units.max(initial=0)))
    value, error = own.extreme(kind) if kind in ("largest", "smallest") else own.sum(kind, freedom)
    return layout.rounding(value[units], error[units], over, 1)


@dataclass(frozen=True)
class _Terms:
    """The terms of several sums; ``units`` says for each term which sum it belongs to."""

    value: Array
    error: Array
    units: Array
    last: int

    def _total(self, terms: Array) -> Array:
        found = np.zeros(self.last + 1, LONG)
        np.add.at(found, self.units, terms)
        return found

    def extreme(self, kind: str) -> tuple[Array, Array]:
        """The largest or smallest terms; infinite where there is none."""
        sign = 1 if kind == "largest" else -1
        found = []
        for terms in (self.value, self.value - sign * self.error, self.value + sign * self.error):
            most = np.full(self.last + 1, -np.inf, LONG)
            np.maximum.at(most, self.units, sign * terms)
            found.append(sign * most)
        value, low, high = found
        error = np.maximum(abs(value - low), abs(value - high))
        known = self._total(~np.isfinite(self.error)) == 0
        error = np.where(np.isfinite(value), error, 0)
        return value, np.where(known & ~np.isnan(error), error, np.inf)

    def sum(self, kind: str, freedom: Freedom) -> tuple[Array, Array]:
        """Sums, means or norms."""
        count = self._total(np.ones(len(self.value)))
        units = (count + 2) * LONG(freedom.unit + 2 * OWN_UNIT)
        known = self._total(~np.isfinite(self.error)) == 0
        if kind == "norm":
            squares = self._total(np.square(self.value))
            known &= ~(np.isfinite(squares) & (squares > freedom.largest / 2))
            total, lost = np.sqrt(squares), np.sqrt(self._total(np.square(self.error)))
            lost += units * (total + lost)
            odd = self._total(self.value != 0) > 0
            lost += np.where(odd, np.sqrt(count * freedom.smallest), 0)
        else:
            total, lost = self._total(self.value), self._total(self.error)
            lost += units * (self._total(abs(self.value)) + lost)
        if kind == "mean":
            total, lost = total / count, lost / count
        lost = np.where(np.isfinite(total), lost, 0)
        return total, np.where(known, lost, np.inf)
