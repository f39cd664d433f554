"""Equality of two rules: SymPy looks for states that correspond, exact arithmetic certifies it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

import sympy

from optgen.compiler.compare.straight import Straight
from optgen.compiler.exact.interval import EVERYTHING
from optgen.compiler.exact.polynomial import NotPolynomialError
from optgen.compiler.exact.quotient import Quotients
from optgen.compiler.exact.symbols import NotComparableError, Symbols, is_zero
from optgen.compiler.nouns.comparison import Comparison
from optgen.compiler.nouns.expression import Expression, Name, Number, Operation, substitute, text
from optgen.compiler.nouns.rule import CALL, GRAD, PARAM, STEP

MOST_STATES = 4
_ONE = Number(1)


@dataclass(frozen=True)
class _Match:
    """A state of the left rule, and what it is multiplied by to be one of the right rule."""

    state: str
    scale: Expression

    @property
    def value(self) -> Expression:
        return _product(self.scale, Name(self.state))

    def __str__(self) -> str:
        return self.state if self.scale == _ONE else f"{text(self.scale)} times {self.state}"


_Matches = Mapping[str, _Match]


def equality(left: Straight, right: Straight) -> Comparison | None:
    """States of the right rule as multiples of those of the left, under which both are equal."""
    if len(left.states) != len(right.states) or len(left.states) > MOST_STATES:
        return None
    undecided = None
    for order in _orders(left, right):
        try:
            matches = _matches(left, right, order)
        except NotComparableError:
            return None
        if matches is not None:
            shown = {name: str(match) for name, match in matches.items()}
            if _is_certain(left, right, matches):
                return Comparison(True, shown)
            undecided = Comparison(None, shown)
    return undecided


def _orders(left: Straight, right: Straight) -> Iterator[dict[str, str]]:
    """Ways to take each state of the right rule for one of the left; like names first."""
    names = [state.name for state in left.states]
    ways = [
        dict(zip((state.name for state in right.states), order, strict=True))
        for order in permutations(names)
    ]
    yield from sorted(ways, key=lambda way: -sum(name == other for name, other in way.items()))


def _matches(left: Straight, right: Straight, order: Mapping[str, str]) -> _Matches | None:
    """Scales for which SymPy finds no difference; None where there are none."""
    symbols = Symbols("x", {*(left.positive & right.positive), STEP, CALL})
    matches = {}
    for name, other in order.items():
        scale = _scale(left, right, name, other, symbols)
        moving = {symbols.of(n) for n in (GRAD, PARAM, STEP, CALL, *order.values())}
        if scale is None or scale == 0 or scale.free_symbols & moving:
            return None
        matches[name] = _Match(other, symbols.back(scale))
    differences = (symbols.expression(one) for one in _differences(left, right, matches))
    return matches if all(is_zero(sympy.expand(one)) for one in differences) else None


def _scale(
    left: Straight, right: Straight, name: str, other: str, symbols: Symbols
) -> sympy.Expr | None:
    """What the first step makes of one state, over what it makes of the other."""
    ours, theirs = (
        symbols.expression(substitute(rule.values.get(n, Name(n)), rule.starts))
        for rule, n in ((left, other), (right, name))
    )
    return sympy.Integer(1) if ours == 0 else sympy.simplify(theirs / ours)


def _differences(left: Straight, right: Straight, matches: _Matches) -> Iterator[Expression]:
    """What must be 0 for two rules to be equal, in terms of the left rule's states."""
    known = {name: match.value for name, match in matches.items()}
    for name, match in matches.items():
        start = _product(match.scale, left.starts[match.state])
        yield Operation("-", (right.starts[name], start))
        new = _product(match.scale, left.values.get(match.state, Name(match.state)))
        yield Operation("-", (substitute(right.values.get(name, Name(name)), known), new))
    yield Operation("-", (substitute(right.values[PARAM], known), left.values[PARAM]))


def _product(scale: Expression, value: Expression) -> Expression:
    return value if scale == _ONE else Operation("*", (scale, value))


def _is_certain(left: Straight, right: Straight, matches: _Matches) -> bool:
    """Whether exact arithmetic finds all differences to be 0 as well."""
    own = {name for name in right.known if name not in matches}
    known = {
        name: left.known.get(name, EVERYTHING).meet(
            right.known[name] if name in own else EVERYTHING
        )
        for name in {*left.known, *own}
    }
    quotients = Quotients(known)
    try:
        return all(quotients.is_zero(one) for one in _differences(left, right, matches))
    except NotPolynomialError:
        return False
