"""Quotients of polynomials in names and roots: a form in which zero is recognizable.

A root is a new name with a known square; a non-arithmetic subexpression is a name with a known
interval. SymPy only proposes factors, and their product is verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from optgen.analysis.exact.bounds import bounds
from optgen.analysis.exact.interval import NONNEGATIVE, Interval
from optgen.analysis.exact.polynomial import (
    Monomial,
    Polynomial,
    factored,
    never_negative,
    plus,
    times,
)
from optgen.analysis.exact.ranges import number
from optgen.analysis.exact.work import spend
from optgen.compiler.ir.expression import Expression, Name, Number, Operation

UNIT: Polynomial = {(): Fraction(1)}
#: A hashable polynomial.
_Key = frozenset[tuple[Monomial, Fraction]]


@dataclass(frozen=True)
class Quotient:
    """``top/bottom``; the bottom is nonzero on the domain of the represented expression."""

    top: Polynomial
    bottom: Polynomial


class Quotients:
    """Converts expressions over names with ``known`` intervals to quotients; not shareable."""

    def __init__(self, known: Mapping[str, Interval]) -> None:
        self.known: dict[str, Interval] = dict(known)
        self._squares: dict[str, Polynomial] = {}
        self._roots: dict[_Key, str] = {}
        self._others: dict[object, str] = {}
        self._meanings: dict[str, Expression] = {}

    def of(self, expression: Expression) -> Quotient:
        """The quotient form of an expression. Raises NotPolynomialError if it is too large."""
        match expression:
            case Number(value):
                return Quotient(_constant(Fraction(repr(value))), UNIT)
            case Name(name):
                return Quotient({((name, 1),): Fraction(1)}, UNIT)
        found = [self.of(operand) for operand in expression.operands]
        if expression.operator == "**":
            exponent = number(expression.operands[1])
            if exponent is not None and 2 * abs(exponent) in range(17):
                return self._power(found[0], exponent)
        return self._arithmetic(expression, found) or self._other(expression, found)

    def is_zero(self, expression: Expression) -> bool:
        """Whether an expression is proved to be 0 on its domain; a positive answer is exact."""
        return not self.of(expression).top

    def square(self, name: str) -> Polynomial | None:
        """The radicand of a name that stands for a root; None for any other name."""
        return self._squares.get(name)

    def is_plain(self, name: str) -> bool:
        """Whether a name occurs in an expression as such, not as a placeholder."""
        return name not in self._squares and name not in self._meanings

    def meaning(self, name: str) -> Expression:
        """The expression of a placeholder; any other name itself."""
        return self._meanings.get(name, Name(name))

    def never_negative(self, found: Quotient) -> bool:
        """Whether a quotient is proved to be nonnegative."""
        if self._is_nonnegative(found.bottom) and self._is_nonnegative(found.top):
            return True
        return self._is_nonnegative(self.reduced(times(found.top, found.bottom)))

    def reduced(self, found: Polynomial) -> Polynomial:
        """The polynomial with the exponent of each root reduced to at most 1."""
        while True:
            for monomial in found:
                name = next((n for n, e in monomial if e > 1 and n in self._squares), None)
                if name is not None:
                    break
            else:
                return found
            spend(len(found))
            exponents = dict(monomial)
            exponents[name] -= 2
            rest = tuple(sorted((n, e) for n, e in exponents.items() if e))
            without = {key: v for key, v in found.items() if key != monomial}
            found = plus(without, times({rest: found[monomial]}, self._squares[name]))

    def _arithmetic(self, expression: Operation, found: list[Quotient]) -> Quotient | None:
        match expression.operator, found:
            case "+", [a, b]:
                return self._sum(a, b, Fraction(1))
            case "-", [a, b]:
                return self._sum(a, b, Fraction(-1))
            case "neg", [a]:
                return Quotient(plus({}, a.top, Fraction(-1)), a.bottom)
            case "*", [a, b]:
                return self._reduced(times(a.top, b.top), times(a.bottom, b.bottom))
            case "/", [a, b] if b.top:
                return self._reduced(times(a.top, b.bottom), times(a.bottom, b.top))
            case "sqrt", [a]:
                return self._root(a)
            case "abs", [a]:
                return Quotient(self._magnitude(a.top), self._magnitude(a.bottom))
        return None

    def _reduced(self, top: Polynomial, bottom: Polynomial) -> Quotient:
        return Quotient(self.reduced(top), self.reduced(bottom))

    def _sum(self, a: Quotient, b: Quotient, scale: Fraction) -> Quotient:
        if a.bottom == b.bottom:
            return Quotient(plus(a.top, b.top, scale), a.bottom)
        top = plus(times(a.top, b.bottom), times(b.top, a.bottom), scale)
        return self._reduced(top, times(a.bottom, b.bottom))

    def _power(self, base: Quotient, exponent: Fraction) -> Quotient:
        result = Quotient(UNIT, UNIT)
        for _ in range(int(abs(exponent))):
            result = self._reduced(times(result.top, base.top), times(result.bottom, base.bottom))
        if exponent.denominator == 2:
            root = self._root(base)
            result = self._reduced(times(result.top, root.top), times(result.bottom, root.bottom))
        return Quotient(result.bottom, result.top) if exponent < 0 else result

    def _root(self, found: Quotient) -> Quotient:
        """The root of the top over that of the bottom, if neither is negative."""
        if self._is_nonnegative(found.bottom) and self._is_nonnegative(found.top):
            return Quotient(self._root_of(found.top), self._root_of(found.bottom))
        top = self._named_root(self.reduced(times(found.top, found.bottom)))
        return Quotient(top, self._magnitude(found.bottom))

    def _root_of(self, found: Polynomial) -> Polynomial:
        """The root of a polynomial, as a product of roots of factors with known signs."""
        constant, factors = factored(found)
        result: Polynomial = UNIT
        for factor, exponent in factors:
            for _ in range(exponent // 2):
                result = times(result, self._magnitude(factor))
            if exponent % 2:
                sign = self._sign(factor)
                constant *= sign
                result = times(result, self._named_root(plus({}, factor, Fraction(sign))))
        if constant <= 0:
            return self._named_root(found)
        return self.reduced(times(result, self._named_root(_constant(constant))))

    def _named_root(self, found: Polynomial) -> Polynomial:
        if not found:
            return {}
        if set(found) == {()} and found[()] > 0:
            exact = _exact_root(found[()])
            if exact is not None:
                return _constant(exact)
        name = self._roots.setdefault(_key(found), f"root {len(self._roots)}")
        self._squares[name] = found
        self.known[name] = NONNEGATIVE
        return {((name, 1),): Fraction(1)}

    def _magnitude(self, found: Polynomial) -> Polynomial:
        """The absolute value, factor by factor, so that it is multiplicative."""
        constant, factors = factored(found)
        result = _constant(abs(constant))
        for factor, exponent in factors:
            one = self._magnitude_of_factor(factor)
            for _ in range(exponent):
                result = times(result, one)
        return self.reduced(result)

    def _magnitude_of_factor(self, found: Polynomial) -> Polynomial:
        sign = self._sign(found)
        if sign:
            return plus({}, found, Fraction(sign))
        return self._named_root(self.reduced(times(found, found)))

    def _sign(self, found: Polynomial) -> int:
        if self._is_nonnegative(found):
            return 1
        return -1 if self._is_nonnegative(plus({}, found, Fraction(-1))) else 0

    def _is_nonnegative(self, found: Polynomial) -> bool:
        return never_negative(found, self.known)

    def _other(self, expression: Operation, found: list[Quotient]) -> Quotient:
        """A placeholder for any other operation; equal operations on equal operands share it."""
        if expression.operator in ("max", "min"):
            for one, other in (found, found[::-1]):
                if self.never_negative(self._sum(one, other, Fraction(-1))):
                    return one if expression.operator == "max" else other
        operands = [(_key(one.top), _key(one.bottom)) for one in found]
        alike = frozenset if expression.operator in ("max", "min") else tuple
        key = expression.operator, alike(operands)
        name = self._others.setdefault(key, f"value {len(self._others)}")
        self.known[name] = bounds(expression, self.known)
        self._meanings.setdefault(name, expression)
        return Quotient({((name, 1),): Fraction(1)}, UNIT)


def _key(found: Polynomial) -> _Key:
    return frozenset(found.items())


def _constant(value: Fraction) -> Polynomial:
    return {(): value} if value else {}


def _exact_root(value: Fraction) -> Fraction | None:
    top, bottom = isqrt(value.numerator), isqrt(value.denominator)
    return Fraction(top, bottom) if Fraction(top, bottom) ** 2 == value else None
