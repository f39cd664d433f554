"""Fractions of polynomials in SymPy, with limits on size and work.

Symbols are numbered, since SymPy would interpret some names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

from sympy import QQ, Symbol, lex
from sympy.polys.fields import FracField

from optgen.analysis.explain.factored import quotient
from optgen.compiler.ir.expression import Expression, Name, names
from optgen.compiler.ir.stability import CURVATURE, PRODUCT
from optgen.compiler.ir.value import evaluate

#: The limit on hyperparameters, and functions of them, in the fractions of one variant.
MOST_PARTS = 6
#: Limits on the possible terms of polynomials of their degrees: per fraction, and in total.
LARGEST, LARGEST_OF_ALL = 300, 60_000
#: The limit on the bits of coefficients.
LONGEST = 300

#: The coefficients of a linear function of the product: constant and slope.
Line = tuple[Any, Any]


class TooLargeError(Exception):
    """A fraction above the limits of size or degree."""


@dataclass
class Budget:
    """The remaining work on fractions."""

    left: int = LARGEST_OF_ALL


class Algebra:
    """The field of fractions whose symbols stand for ``parts``; the first two are predefined."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._field = FracField([Symbol(f"x{k}") for k in range(MOST_PARTS + 2)], QQ, lex)
        self.parts: list[Expression] = [Name(PRODUCT), Name(CURVATURE)]
        self.product, self.curvature = self._field.gens[:2]
        self.zero, self.one = self._field.zero, self._field.one

    def symbol(self, part: Expression) -> Any:
        """The symbol of a hyperparameter, or of a function of hyperparameters."""
        if part not in self.parts:
            if len(self.parts) == len(self._field.gens):
                raise TooLargeError
            self.parts.append(part)
        return self._field.gens[self.parts.index(part)]

    def number(self, value: float) -> Any:
        """The exact value of a literal's source text."""
        exact = Fraction(repr(value))
        return self._field.ground_new(QQ(exact.numerator, exact.denominator))

    def plus(self, left: Any, right: Any) -> Any:
        """A sum."""
        if left == 0 or right == 0:
            return left + right
        self._spend(left.numer, right.denom)
        self._spend(left.denom, right.numer)
        self._spend(left.denom, right.denom)
        return left + right

    def times(self, left: Any, right: Any) -> Any:
        """A product."""
        if left == 0 or right == 0:
            return self.zero
        self._spend(left.numer, right.numer)
        self._spend(left.denom, right.denom)
        return left * right

    def over(self, left: Any, right: Any) -> Any:
        """A quotient. Raises ZeroDivisionError."""
        return self.times(left, 1 / right)

    def _spend(self, left: Any, right: Any) -> None:
        """Raises TooLargeError if a product of polynomials may be too large."""
        size = prod(1 + a + b for a, b in zip(left.degrees(), right.degrees(), strict=True))
        self._budget.left -= size
        too_long = _bits(left) + _bits(right) > LONGEST
        if size > LARGEST or self._budget.left < 0 or too_long:
            raise TooLargeError

    def line(self, fraction: Any) -> Line:
        """A fraction as a linear function of the product: its value at 0 and its slope.

        Raises TooLargeError if it isn't linear in the product.
        """
        numer, denom, symbol = fraction.numer, fraction.denom, self.product.numer
        if denom.degree(symbol) > 0 or numer.degree(symbol) > 1:
            raise TooLargeError
        return self._field.new(numer.subs(symbol, 0), denom), self._field.new(
            numer.diff(symbol), denom
        )

    def has(self, fraction: Any, symbol: Any) -> bool:
        """Whether a fraction depends on a symbol."""
        return any(part.degree(symbol.numer) > 0 for part in (fraction.numer, fraction.denom))

    def shown(self, fraction: Any) -> Expression:
        """A fraction as an expression."""
        return quotient(fraction.numer, fraction.denom, self.parts)

    def names(self) -> tuple[str, ...]:
        """The hyperparameters that the symbols depend on."""
        return tuple(dict.fromkeys(name for part in self.parts[2:] for name in names(part)))

    def values(self, numbers: Mapping[str, Fraction]) -> Sequence[Any]:
        """The value of each symbol; raises ArithmeticError or ValueError for an undefined one.

        The predefined symbols are 0: no evaluated fraction contains them.
        """
        worth = [Fraction(evaluate(part, numbers)) for part in self.parts[2:]]
        worth = [Fraction(0)] * 2 + worth + [Fraction(0)] * (MOST_PARTS - len(worth))
        return [QQ(value.numerator, value.denominator) for value in worth]


def value(fraction: Any, values: Sequence[Any]) -> float:
    """The value of a fraction, rounded once; raises ArithmeticError if it is undefined."""
    found = _value(fraction.numer, values) / _value(fraction.denom, values)
    return int(found.numerator) / int(found.denominator)


def _value(polynomial: Any, values: Sequence[Any]) -> Any:
    return sum(
        (
            coefficient * prod(values[k] ** power for k, power in enumerate(powers) if power)
            for powers, coefficient in polynomial.terms()
        ),
        QQ(0),
    )


def _bits(polynomial: Any) -> int:
    """The most bits of any coefficient."""
    return max(
        max(int(c.numerator).bit_length(), int(c.denominator).bit_length())
        for c in polynomial.coeffs()
    )
