"""Conversion of SymPy polynomials to factored expressions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from math import prod
from typing import Any

from optgen.analysis.exact.simplified import power
from optgen.compiler.ir.expression import Expression, Number, Operation

#: The size limit for factoring.
MOST_FACTORED = 64


def quotient(numer: Any, denom: Any, parts: Sequence[Expression]) -> Expression:
    """A fraction as an expression; its symbols stand for ``parts``."""
    if numer == 0:
        return Number(0)
    above, factors = _factored(numer)
    below, divisors = _factored(denom)
    scale = above / below
    size = _product(abs(int(scale.numerator)), factors, parts)
    under = _product(int(scale.denominator), divisors, parts)
    found = size if under == Number(1) else Operation("/", (size, under))
    return Operation("neg", (found,)) if scale < 0 else found


def _factored(polynomial: Any) -> tuple[Any, list[tuple[Any, int]]]:
    """A constant, and integer factors with positive leading terms, each with its multiplicity."""
    if prod(degree + 1 for degree in polynomial.degrees()) <= MOST_FACTORED:
        scale, factors = polynomial.factor_list()
    else:
        scale, primitive = polynomial.primitive()
        factors = [(primitive, 1)]
    found = []
    for factor, exponent in factors:
        negative = _terms(factor)[0][1] < 0
        found.append((-factor if negative else factor, exponent))
        scale = -scale if negative and exponent % 2 else scale
    return scale, found[::-1]


def _terms(polynomial: Any) -> list[tuple[tuple[int, ...], Any]]:
    """The terms of a sum, in ascending degree."""
    return sorted(
        polynomial.terms(), key=lambda term: (sum(term[0]), [-power for power in term[0]])
    )


def _product(
    number: int, factors: Iterable[tuple[Any, int]], parts: Sequence[Expression]
) -> Expression:
    found: list[Expression] = [] if number == 1 else [Number(number)]
    found += [power(_sum(factor, parts), exponent) for factor, exponent in factors]
    return reduce(lambda a, b: Operation("*", (a, b)), found) if found else Number(1)


def _sum(polynomial: Any, parts: Sequence[Expression]) -> Expression:
    total: Expression | None = None
    for exponents, coefficient in _terms(polynomial):
        powers = [power(parts[k], count) for k, count in enumerate(exponents) if count]
        size = int(abs(coefficient).numerator)
        factors = powers if size == 1 and powers else [Number(size), *powers]
        term = reduce(lambda a, b: Operation("*", (a, b)), factors)
        if total is not None:
            total = Operation("+" if coefficient > 0 else "-", (total, term))
        else:
            total = term if coefficient > 0 else Operation("neg", (term,))
    return Number(0) if total is None else total
