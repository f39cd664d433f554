"""Proofs that an expression is 0, by exact arithmetic and case analysis.

Conditions, signs, magnitudes and maxima depend on the sign of a difference. Each difference is
assumed negative, zero and positive in turn; impossible cases are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from optgen.analysis.compare.normal_form import normal
from optgen.analysis.exact.bounds import bounds
from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.interval import Interval
from optgen.analysis.exact.polynomial import (
    Monomial,
    NotPolynomialError,
    Polynomial,
    factored,
    interval_of,
    never_negative,
    plus,
    times,
)
from optgen.analysis.exact.quotient import UNIT, Quotient, Quotients
from optgen.analysis.exact.reductions import without_reductions
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, rewrite, substitute

#: The limit on cases per proof.
MOST_CASES = 250
_PIECES = frozenset({"<", "==", "sign", "abs", "max", "min"})
_Key = frozenset[tuple[Monomial, Fraction]]


def is_certainly_zero(expression: Expression, known: Mapping[str, Interval]) -> bool:
    """Whether an expression is proved to be 0 on its domain, in exact arithmetic."""
    plain, known = _with_reductions(normal(folded(expression, {})), known)
    try:
        if Quotients(known).is_zero(plain):
            return True
        return _Cases(known).all_zero(plain, {})
    except (NotPolynomialError, _TooManyCasesError):
        return False


def _with_reductions(
    expression: Expression, known: Mapping[str, Interval]
) -> tuple[Expression, Mapping[str, Interval]]:
    """The expression with names for its reductions, of which those of equal values have the same.

    A case of one element says nothing about the other ones.
    """
    found: list[tuple[Operation, Name]] = []
    own: dict[str, Interval] = {}

    def named(part: Operation) -> Expression:
        for other, name in found:
            pairs = zip(part.operands, other.operands, strict=False)
            if part.operator == other.operator and all(
                is_certainly_zero(Operation("-", pair), known) for pair in pairs
            ):
                return name
        new = Name(f"reduction {len(found)}")
        found.append((part, new))
        own[new.id] = bounds(part, known)
        return new

    return without_reductions(expression, named), {**known, **own}


class _TooManyCasesError(Exception):
    """A proof with too many cases."""


@dataclass(frozen=True)
class _Sign:
    """A difference as a product of a factor with known sign and one with unknown sign."""

    known: int
    unknown: Polynomial

    @property
    def key(self) -> _Key:
        return frozenset(self.unknown.items())


class _Cases:
    """A proof by cases; ``signs`` are the assumed signs of polynomials."""

    def __init__(self, known: Mapping[str, Interval]) -> None:
        self._quotients = Quotients(known)
        self._count = 0

    def all_zero(self, expression: Expression, signs: Mapping[_Key, int]) -> bool:
        """Whether an expression is 0 in all cases that are consistent with the signs."""
        expression = _decided(expression)
        piece = next(_innermost(expression), None)
        if piece is None:
            self._count += 1
            if self._count > MOST_CASES:
                raise _TooManyCasesError
            return self._is_zero(self._quotients.of(expression), signs)
        found = self._sign(_difference(piece))
        if not found.unknown or found.unknown == UNIT:
            value = _value(piece, found.known if found.unknown else 0)
            return self.all_zero(_replaced(expression, piece, value), signs)
        cases = (signs[found.key],) if found.key in signs else (-1, 0, 1)
        return all(
            self._case(expression, piece, found, sign, signs)
            for sign in cases
            if found.key in signs or self._can_be(found.unknown, sign, signs)
        )

    def _case(
        self,
        expression: Expression,
        piece: Operation,
        found: _Sign,
        sign: int,
        signs: Mapping[_Key, int],
    ) -> bool:
        """Whether an expression is 0 if the difference that decides a part has this sign."""
        new = _replaced(expression, piece, _value(piece, found.known * sign))
        if sign == 0 and len(found.unknown) == 1:
            ((monomial, _),) = found.unknown.items()
            if len(monomial) == 1 and self._quotients.is_plain(monomial[0][0]):
                new = folded(substitute(new, {monomial[0][0]: Number(0)}), {})
        return self.all_zero(new, {**signs, found.key: sign})

    def _is_zero(self, found: Quotient, signs: Mapping[_Key, int]) -> bool:
        """Whether a quotient is 0, or has a factor that is assumed to be 0."""
        if not found.top:
            return True
        zeros = [_factors(dict(key)) for key, sign in signs.items() if sign == 0]
        return bool(zeros) and any(zero <= _factors(found.top) for zero in zeros)

    def _sign(self, difference: Expression) -> _Sign:
        found = self._quotients.of(difference)
        if not found.top:
            return _Sign(0, {})
        known, unknown = 1, UNIT
        for polynomial in (found.top, found.bottom):
            constant, factors = factored(polynomial)
            known *= 1 if constant > 0 else -1
            for factor, exponent in factors:
                sign = _strict_sign(factor, self._quotients.known)
                if not sign:
                    turned = -1 if factor[max(factor)] < 0 else 1
                    known *= turned if exponent % 2 else 1
                    one = plus({}, factor, Fraction(turned))
                    unknown = times(unknown, one if exponent % 2 else times(one, one))
                elif exponent % 2:
                    known *= sign
        return _Sign(known, unknown)

    def _can_be(self, polynomial: Polynomial, sign: int, signs: Mapping[_Key, int]) -> bool:
        """Whether a polynomial may have a sign, given each other assumption separately."""
        own = self._quotients.known
        ours = plus({}, polynomial, Fraction(sign))
        if sign and never_negative(plus({}, ours, Fraction(-1)), own):
            return False
        for key, other in signs.items():
            theirs = plus({}, dict(key), Fraction(other))
            # Both are positive, or one is positive and the other 0, so their sum is positive.
            if (sign or other) and never_negative(plus({}, plus(ours, theirs), Fraction(-1)), own):
                return False
            if sign and not other:
                for turned in (1, -1):
                    total = plus(ours, dict(key), Fraction(turned))
                    if never_negative(plus({}, total, Fraction(-1)), own):
                        return False
        return True


def _factors(found: Polynomial) -> frozenset[_Key]:
    """The factors of a polynomial, each normalized to a positive first coefficient."""
    _, factors = factored(found)
    turned = (plus({}, f, Fraction(-1 if f[max(f)] < 0 else 1)) for f, _ in factors)
    return frozenset(frozenset(factor.items()) for factor in turned)


def _strict_sign(factor: Polynomial, known: Mapping[str, Interval]) -> int:
    """The sign of a polynomial without zeros, by intervals; 0 if a zero isn't excluded."""
    total = interval_of(factor, known)
    return 1 if total.is_positive else -1 if total.is_negative else 0


def _innermost(expression: Expression) -> Iterator[Operation]:
    """Sign-dependent subexpressions that contain no other ones."""
    if isinstance(expression, Operation):
        inside = [one for operand in expression.operands for one in _innermost(operand)]
        if inside:
            yield from inside
        elif expression.operator in _PIECES:
            yield expression


def _difference(piece: Operation) -> Expression:
    """The difference whose sign decides a subexpression."""
    if len(piece.operands) == 1:
        return piece.operands[0]
    return Operation("-", piece.operands)


def _value(piece: Operation, sign: int) -> Expression:
    """The value of a subexpression for one sign of its difference."""
    first, last = piece.operands[0], piece.operands[-1]
    match piece.operator:
        case "<":
            return Number(sign < 0)
        case "==":
            return Number(sign == 0)
        case "sign":
            return Number(sign)
        case "abs":
            return first if sign > 0 else Operation("neg", (first,)) if sign else Number(0)
        case "max":
            return first if sign >= 0 else last
    return last if sign >= 0 else first


def _replaced(expression: Expression, piece: Expression, value: Expression) -> Expression:
    return rewrite(expression, lambda part: value if part == piece else None)


def _decided(expression: Expression) -> Expression:
    """The expression after selection of the branches with known conditions."""

    def change(part: Expression) -> Expression | None:
        if not isinstance(part, Operation) or part.operator not in ("where", "not", "and", "or"):
            return None
        first, *rest = map(_decided, part.operands)
        if isinstance(first, Number):
            match part.operator:
                case "where":
                    return rest[0] if first.value else rest[1]
                case "not":
                    return Number(not first.value)
                case "and":
                    return rest[0] if first.value else first
                case "or":
                    return first if first.value else rest[0]
        return Operation(part.operator, (first, *rest))

    return rewrite(expression, change)
