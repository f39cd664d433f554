"""Cancelled quotients of polynomials as readable expressions."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce

from optgen.analysis.exact.polynomial import Monomial, Polynomial, factored, plus
from optgen.analysis.exact.quotient import Quotient, Quotients
from optgen.compiler.ir.expression import Expression, Number, Operation

ONE = Number(1)
#: Distinct factors with their multiplicities; negative for those of the bottom.
_Factors = list[tuple[Polynomial, int]]


def written(found: Quotient, source: Quotients) -> Expression:
    """A quotient as an expression; ``source`` converted it and maps roots to radicands."""
    (above, top), (below, bottom) = _signed(found.top), _signed(found.bottom)
    exponents: _Factors = []
    for factor, exponent in [*top, *((factor, -exponent) for factor, exponent in bottom)]:
        old = next((k for k, (other, _) in enumerate(exponents) if other == factor), None)
        if old is None:
            exponents.append((factor, exponent))
        else:
            exponents[old] = (factor, exponents[old][1] + exponent)
    constant = above / below
    up = [power(_sum(f, source), e) for f, e in exponents if e > 0]
    down = [power(_sum(f, source), -e) for f, e in exponents if e < 0]
    up = _counted(abs(constant.numerator), up)
    whole = quotient(_product(up), _product(_counted(constant.denominator, down)))
    return Operation("neg", (whole,)) if constant < 0 else whole


def _counted(count: int, factors: list[Expression]) -> list[Expression]:
    return factors if count == 1 else [Number(count), *factors]


def _signed(found: Polynomial) -> tuple[Fraction, _Factors]:
    """A constant, and factors whose first term is positive."""
    constant, factors = factored(found)
    signed = []
    for factor, exponent in factors:
        sign = -1 if factor[min(factor)] < 0 else 1
        constant *= sign**exponent
        signed.append((plus({}, factor, Fraction(sign)), exponent))
    return constant, signed


def quotient(top: Expression, bottom: Expression) -> Expression:
    """``top/bottom``, or the top alone."""
    return top if bottom == ONE else Operation("/", (top, bottom))


def product(one: Expression, other: Expression) -> Expression:
    """``one*other``, without factors of 1."""
    return _product([part for part in (one, other) if part != ONE])


def _product(factors: list[Expression]) -> Expression:
    return reduce(lambda a, b: Operation("*", (a, b)), factors) if factors else ONE


def power(base: Expression, exponent: int) -> Expression:
    """A power with an integer exponent, in its shortest form."""
    return base if exponent == 1 else Operation("**", (base, Number(exponent)))


def _sum(found: Polynomial, source: Quotients) -> Expression:
    """The terms of a polynomial, a positive one first."""
    terms = sorted(found.items(), key=lambda term: (term[1] < 0, term[0]))
    (monomial, value), *rest = terms
    total = _term(monomial, value, source)
    for monomial, value in rest:
        operator = "-" if value < 0 else "+"
        total = Operation(operator, (total, _term(monomial, abs(value), source)))
    return total


def _term(monomial: Monomial, value: Fraction, source: Quotients) -> Expression:
    factors = [power(_named(name, source), exponent) for name, exponent in monomial]
    if abs(value) != 1 or not factors:
        top, bottom = Number(abs(value.numerator)), Number(value.denominator)
        factors.insert(0, quotient(top, bottom))
    return _product(factors) if value > 0 else Operation("neg", (_product(factors),))


def _named(name: str, source: Quotients) -> Expression:
    square = source.square(name)
    if square is not None:
        return Operation("sqrt", (_sum(square, source),))
    return source.meaning(name)
