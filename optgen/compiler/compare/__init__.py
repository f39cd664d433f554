"""Compare: two rules as mathematics. Equal for every gradient, or apart from some step on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import permutations

import sympy

from optgen.compiler.compare.straight import Straight, Values, straight
from optgen.compiler.compare.symbols import NotComparableError, Symbols, is_zero
from optgen.compiler.nouns.comparison import Comparison
from optgen.compiler.nouns.rule import CALL, GRAD, PARAM, STEP, Rule
from optgen.compiler.nouns.value import evaluate

#: Gradients that rules are run with where they aren't shown to be equal.
GRADIENTS = (2.0, -1.0, 0.5, 3.0, -0.25, 1.5, -2.5, 0.75)
#: A difference that rounding in float64 doesn't make.
MARGIN = 1e-9
MOST_STATES = 4


def compare(one: Rule, other: Rule, fixed: Values, other_fixed: Values) -> Comparison:
    """How the second rule compares with the first, with some hyperparameters fixed in each.

    Hyperparameters of one name have one value. Raises ValueError for a fixed one that there
    isn't.
    """
    left, right = straight(one, fixed), straight(other, other_fixed)
    try:
        found = _equality(left, right)
        if found is not None:
            return Comparison(True, found)
    except NotComparableError:
        pass
    return _parting(left, right) or Comparison(None)


def _equality(left: Straight, right: Straight) -> dict[str, str] | None:
    """States of the right rule as multiples of those of the left, under which both are equal."""
    if len(left.states) != len(right.states) or len(left.states) > MOST_STATES:
        return None
    symbols = Symbols("x", {*(left.positive & right.positive), STEP, CALL})
    for order in _orders(left, right):
        scales = _scales(left, right, order, symbols)
        if scales is not None:
            return {
                name: order[name] if scale == 1 else f"{_shown(scale, symbols)} times {order[name]}"
                for name, scale in scales.items()
            }
    return None


def _orders(left: Straight, right: Straight) -> Iterator[dict[str, str]]:
    """Ways to take each state of the right rule for one of the left; like names first."""
    names = [state.name for state in left.states]
    ways = [
        dict(zip((state.name for state in right.states), order, strict=True))
        for order in permutations(names)
    ]
    yield from sorted(ways, key=lambda way: -sum(name == other for name, other in way.items()))


def _scales(
    left: Straight, right: Straight, order: Mapping[str, str], symbols: Symbols
) -> dict[str, sympy.Expr] | None:
    ours = {name: symbols.expression(value) for name, value in left.values.items()}
    own = Symbols("y", {*right.positive, STEP, CALL})
    theirs = {name: own.expression(value) for name, value in right.values.items()}
    shared = {own.of(n): symbols.of(n) for n in (*right.defaults, PARAM, GRAD, STEP, CALL)}
    starts = {symbols.of(s.name): symbols.expression(left.initial(s)) for s in left.states}
    own_starts = {
        own.of(s.name): own.expression(right.initial(s)).subs(shared) for s in right.states
    }
    scales: dict[str, sympy.Expr] = {}
    for name, other in order.items():
        first = ours.get(other, symbols.of(other)).subs(starts)
        their_first = theirs.get(name, own.of(name)).subs(own_starts).subs(shared)
        scale = sympy.Integer(1) if first == 0 else sympy.simplify(their_first / first)
        moving = {symbols.of(n) for n in (GRAD, PARAM, STEP, CALL, *order.values())}
        if scale == 0 or scale.free_symbols & moving:
            return None
        scales[name] = scale
    known = {own.of(name): scales[name] * symbols.of(other) for name, other in order.items()}
    for name, other in order.items():
        start = own_starts[own.of(name)] - scales[name] * starts[symbols.of(other)]
        new = theirs.get(name, own.of(name)).subs({**known, **shared}, simultaneous=True)
        if not is_zero(start) or not is_zero(
            new - scales[name] * ours.get(other, symbols.of(other))
        ):
            return None
    moved = theirs[PARAM].subs({**known, **shared}, simultaneous=True) - ours[PARAM]
    return scales if is_zero(sympy.expand(moved)) else None


def _shown(scale: sympy.Expr, symbols: Symbols) -> str:
    return str(scale.subs({s: sympy.Symbol(name) for name, s in symbols.named.items()}))


def _parting(left: Straight, right: Straight) -> Comparison | None:
    """The first step at which the two make different things of a parameter."""
    runs = [_Run(rule) for rule in (left, right)]
    for number, gradient in enumerate(GRADIENTS, start=1):
        try:
            found = [run.step(gradient, number) for run in runs]
        except (ArithmeticError, ValueError, KeyError, TypeError):
            return None
        if not math.isclose(*found, rel_tol=MARGIN, abs_tol=1e-15):
            return Comparison(
                False,
                step=number,
                gradients=GRADIENTS[:number],
                parameters=(found[0], found[1]),
            )
    return None


class _Run:
    """A rule that is run in float64, from a parameter of 1."""

    def __init__(self, rule: Straight) -> None:
        self._rule = rule
        self._values: dict[str, float] = {**rule.defaults, PARAM: 1.0}
        for state in rule.states:
            self._values[state.name] = float(evaluate(rule.initial(state), self._values))

    def step(self, gradient: float, number: int) -> float:
        """The parameter after one more step."""
        self._values |= {GRAD: gradient, STEP: float(number), CALL: float(number)}
        for step in self._rule.steps:
            self._values[step.target] = float(evaluate(step.expression, self._values))
        return self._values[PARAM]
