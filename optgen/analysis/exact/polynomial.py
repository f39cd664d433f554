"""Polynomials with rational coefficients, and certificates of non-negativity.

SymPy proposes factors; their product is verified here in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import combinations

import sympy

from optgen.analysis.exact.interval import Interval, bits
from optgen.analysis.exact.negative_points import is_negative_somewhere
from optgen.analysis.exact.work import spend
from optgen.compiler.ir.expression import Expression, Name, Number

#: Exponents of names, without zeros.
Monomial = tuple[tuple[str, int], ...]
#: Nonzero coefficients.
Polynomial = Mapping[Monomial, Fraction]

#: A polynomial and its multiplicity.
Factor = tuple[Polynomial, int]

#: Larger polynomials are left undecided.
MOST_TERMS, MOST_DEGREE = 200, 12
#: The limit on the bits of a coefficient.
LONGEST = 4000
#: The limit on terms for factoring by SymPy, and its approximate cost per term, in units of work.
MOST_FACTORED, _FACTORING = 60, 100
#: The limit on bits of coefficients for factoring; longer ones take minutes for any number of
#: terms.
MOST_FACTORED_BITS = 256
#: The limit on names per group.
MOST_GROUPED = 3


class NotPolynomialError(Exception):
    """An expression that isn't a polynomial, or one above the size limit."""


def polynomial(expression: Expression, opaque: dict[Expression, str]) -> Polynomial:
    """An expression as a polynomial; other subexpressions become names in ``opaque``."""
    match expression:
        case Number(value):
            return _tidy({(): Fraction(repr(value))})
        case Name(name):
            return {((name, 1),): Fraction(1)}
    operator, operands = expression.operator, expression.operands
    if operator in ("+", "-"):
        left, right = (polynomial(operand, opaque) for operand in operands)
        return plus(left, right, Fraction(1 if operator == "+" else -1))
    if operator == "neg":
        return plus({}, polynomial(operands[0], opaque), Fraction(-1))
    if operator == "*":
        return times(*(polynomial(operand, opaque) for operand in operands))
    if operator == "**" and isinstance(operands[1], Number) and operands[1].value in range(9):
        result: Polynomial = {(): Fraction(1)}
        for _ in range(int(operands[1].value)):
            result = times(result, polynomial(operands[0], opaque))
        return result
    if operator == "/" and isinstance(operands[1], Number) and operands[1].value:
        scale = 1 / Fraction(repr(operands[1].value))
        return plus({}, polynomial(operands[0], opaque), scale)
    name = opaque.setdefault(expression, f"opaque {len(opaque)}")
    return {((name, 1),): Fraction(1)}


def plus(left: Polynomial, right: Polynomial, scale: Fraction = Fraction(1)) -> Polynomial:
    """``left + scale*right``."""
    total = dict(left)
    for monomial, coefficient in right.items():
        total[monomial] = total.get(monomial, Fraction(0)) + scale * coefficient
    return _tidy(total)


def times(left: Polynomial, right: Polynomial) -> Polynomial:
    """The product of two polynomials."""
    spend(len(left) * len(right))
    total: dict[Monomial, Fraction] = {}
    for one, a in left.items():
        for other, b in right.items():
            exponents = dict(one)
            for name, exponent in other:
                exponents[name] = exponents.get(name, 0) + exponent
            key = tuple(sorted(exponents.items()))
            total[key] = total.get(key, Fraction(0)) + a * b
    return _tidy(total)


def _tidy(terms: Mapping[Monomial, Fraction]) -> Polynomial:
    kept = {monomial: value for monomial, value in terms.items() if value}
    degree = max((sum(e for _, e in monomial) for monomial in kept), default=0)
    if len(kept) > MOST_TERMS or degree > MOST_DEGREE:
        raise NotPolynomialError
    if any(bits(value) > LONGEST for value in kept.values()):
        raise NotPolynomialError
    return kept


def never_negative(found: Polynomial, known: Mapping[str, Interval], depth: int = 4) -> bool:
    """Whether there is a certificate that a polynomial is nonnegative.

    Certificates: each term is nonnegative; it is a product of factors with known signs; it is a
    quadratic in an unbounded name with a nonpositive discriminant; or its coefficients of powers of
    nonnegative names are such products.
    """
    if all(_sign_of_term(monomial, value, known) >= 0 for monomial, value in found.items()):
        return True
    spend(10 * len(found))
    if depth == 0 or is_negative_somewhere(found, known):
        return False
    if _factors_agree(found, known):
        return True
    names = sorted({name for monomial in found for name, _ in monomial})
    positive = [name for name in names if known.get(name, Interval()).is_nonnegative]
    for count in range(1, min(len(positive), MOST_GROUPED) + 1):
        for chosen in combinations(positive, count):
            if all(_factors_agree(part, known) for part in _groups(found, chosen)):
                return True
    return any(_is_safe_quadratic(found, name, known, depth) for name in names)


def _sign_of_term(monomial: Monomial, value: Fraction, known: Mapping[str, Interval]) -> int:
    """1 for a nonnegative term, 0 for a zero term, -1 for any other."""
    sign = 1 if value > 0 else -1
    for name, exponent in monomial:
        interval = known.get(name, Interval())
        if exponent % 2 == 0:
            continue
        if interval.is_nonnegative:
            continue
        if not interval.is_nonpositive:
            return -1
        sign = -sign
    return sign


def _factors_agree(found: Polynomial, known: Mapping[str, Interval]) -> bool:
    """Whether the polynomial is a product of factors with known signs whose product is positive."""
    if len(found) > MOST_FACTORED:
        return False
    constant, factors = factored(found)
    sign = 1 if constant > 0 else -1
    for factor, exponent in factors:
        if exponent % 2:
            own = _sign(factor, known)
            if own == 0:
                return False
            sign *= own
    return sign > 0


def _sign(factor: Polynomial, known: Mapping[str, Interval]) -> int:
    """1 for a nonnegative factor, -1 for a nonpositive one, 0 for unknown."""
    total = interval_of(factor, known)
    return 1 if total.is_nonnegative else -1 if total.is_nonpositive else 0


def interval_of(found: Polynomial, known: Mapping[str, Interval]) -> Interval:
    """An interval enclosure of a polynomial, term by term."""
    total = Interval.point(Fraction(0))
    for monomial, value in found.items():
        term = Interval.point(value)
        for name, exponent in monomial:
            term = term * known.get(name, Interval()).power(exponent)
        total = total + term
    return total


def factored(found: Polynomial) -> tuple[Fraction, list[Factor]]:
    """A constant and factors with multiplicities, verified by expansion."""
    spend(_FACTORING * (1 + len(found)))
    return _checked(frozenset(found.items()))


@lru_cache(maxsize=4096)
def _checked(terms: frozenset[tuple[Monomial, Fraction]]) -> tuple[Fraction, list[Factor]]:
    found = dict(terms)
    is_small = len(found) <= MOST_FACTORED and all(map(_is_short, found.values()))
    constant, factors = _factored(found) if is_small else (Fraction(1), [])
    product: Polynomial = _tidy({(): constant})
    for factor, exponent in factors:
        for _ in range(exponent):
            product = times(product, factor)
    return (constant, factors) if dict(product) == dict(found) else (Fraction(1), [(found, 1)])


def _is_short(value: Fraction) -> bool:
    return max(value.numerator.bit_length(), value.denominator.bit_length()) <= MOST_FACTORED_BITS


def _factored(found: Polynomial) -> tuple[Fraction, list[Factor]]:
    names = sorted({name for monomial in found for name, _ in monomial})
    if not names:
        return found.get((), Fraction(0)), []
    terms = {
        tuple(dict(monomial).get(name, 0) for name in names): sympy.Rational(
            value.numerator, value.denominator
        )
        for monomial, value in found.items()
    }
    # SymPy never sees the names: it would interpret some of them.
    symbols = [sympy.Symbol(f"x{place}") for place in range(len(names))]
    constant, factors = sympy.Poly.from_dict(terms, *symbols).factor_list()
    return _rational(constant), [
        (_taken_back(factor, names), int(exponent)) for factor, exponent in factors
    ]


def _taken_back(factor: sympy.Poly, names: Sequence[str]) -> Polynomial:
    return {
        tuple((n, int(e)) for n, e in zip(names, exponents, strict=True) if e): _rational(value)
        for exponents, value in factor.terms()
    }


def _rational(value: sympy.Rational) -> Fraction:
    return Fraction(int(value.p), int(value.q))


def _is_safe_quadratic(
    found: Polynomial, name: str, known: Mapping[str, Interval], depth: int
) -> bool:
    """a*x*x + b*x + c is nonnegative if a, c and 4*a*c - b*b are."""
    parts = powers(found, name)
    if len(parts) != 3:
        return False
    c, b, a = parts
    try:
        discriminant = plus(times(times({(): Fraction(4)}, a), c), times(b, b), Fraction(-1))
    except NotPolynomialError:
        return False
    return all(never_negative(part, known, depth - 1) for part in (a, c, discriminant))


def powers(found: Polynomial, name: str) -> list[Polynomial]:
    """The coefficients of the powers of a name, in ascending order from power 0."""
    largest = max((dict(monomial).get(name, 0) for monomial in found), default=0)
    parts: list[dict[Monomial, Fraction]] = [{} for _ in range(largest + 1)]
    for monomial, value in found.items():
        exponents = dict(monomial)
        parts[exponents.pop(name, 0)][tuple(sorted(exponents.items()))] = value
    return list(parts)


def _groups(found: Polynomial, chosen: Collection[str]) -> list[Polynomial]:
    """The coefficients of products of powers of some names."""
    groups: dict[Monomial, dict[Monomial, Fraction]] = {}
    for monomial, value in found.items():
        own = tuple(part for part in monomial if part[0] in chosen)
        rest = tuple(part for part in monomial if part[0] not in chosen)
        groups.setdefault(own, {})[rest] = value
    return list(groups.values())
