"""Search for counterexamples by sampling; samples never prove.

A sample counts if it refutes in float64, as in Python, and with 50 digits, which excludes rounding.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from typing import Any

import mpmath

from optgen.analysis.exact.composition import OF_PART
from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.digits import DIGITS, precise
from optgen.analysis.exact.interval import EVERYTHING, Interval
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, walk
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.reduction import REDUCERS
from optgen.compiler.ir.value import function_of

#: Limits of the search: samples per property; evaluated expression nodes per property; evaluated
#: nodes for all properties of a rule together, which bounds the time per rule; and the cost of a
#: search for a certificate of a bound, in nodes.
TRIES, MOST_PARTS, MOST_PARTS_OF_ALL, CERTIFICATE = 1500, 150_000, 1_500_000, 20_000
_USUAL = (1.0, 2.0, 0.5, 3.0, 0.9, 10.0, 0.1, 0.999, 0.01, 1e-7, 100.0, 0.25, 1e-3, 1e3)

Numbers = dict[str, float]
_Functions = dict[int, tuple[Expression, Callable[[Numbers], Any]]]


@dataclass(frozen=True)
class Sample:
    """An assignment of numbers to names, and the values of expressions under it."""

    numbers: Numbers
    is_precise: bool = False
    #: Expressions that samples evaluated before, and their functions, by identity.
    functions: _Functions = field(default_factory=dict, repr=False)

    def value(self, expression: Expression) -> Any:
        """The value of an expression. Raises ArithmeticError or ValueError if it is undefined."""
        if self.is_precise:
            found = self._precise(expression)
            is_number = not isinstance(found, mpmath.mpc) and mpmath.isfinite(found)
        else:
            found = float(self._function(expression)(self.numbers))
            is_number = math.isfinite(found)
        if not is_number:
            raise ArithmeticError
        return found

    def _precise(self, expression: Expression) -> Any:
        exact = {name: exactly(number) for name, number in self.numbers.items()}
        # Fold rational parts first: finite precision may not distinguish a difference from 0.
        folds = folded(expression, exact)
        return precise(folds, {n: mpmath.mpf(repr(v)) for n, v in self.numbers.items()})

    def _function(self, expression: Expression) -> Callable[[Numbers], Any]:
        if (known := self.functions.get(id(expression))) is None:
            known = self.functions[id(expression)] = expression, function_of(expression)
        return known[1]

    def holds(self, condition: Expression) -> bool:
        """Whether a condition is true."""
        if self.is_precise:
            return bool(self._precise(condition))
        return bool(self._function(condition)(self.numbers))


@dataclass
class Budget:
    """The remaining number of expression nodes to evaluate."""

    left: int = MOST_PARTS_OF_ALL


@dataclass(frozen=True)
class Search:
    """The source of samples: known intervals of names, and the values to try first."""

    known: Mapping[str, Interval]
    first: Mapping[str, float]
    integers: frozenset[str]
    budget: Budget
    hyperparameters: frozenset[str] = frozenset()
    #: Unconstrained names; only their defaults may refute.
    open: frozenset[str] = frozenset()

    def find(
        self, about: Sequence[Expression], is_refuted: Callable[[Sample], bool]
    ) -> Numbers | None:
        """The first sample that refutes a property of expressions; None if none does."""
        parts = [part for expression in about for part in walk(expression)]
        names = dict.fromkeys(part.id for part in parts if isinstance(part, Name))
        functions: _Functions = {}
        tries = min(TRIES, MOST_PARTS // len(parts), self.budget.left // len(parts))
        for numbers in islice(self._samples(names), tries):
            self.budget.left -= len(parts)
            try:
                with mpmath.workdps(DIGITS):
                    samples = Sample(numbers, False, functions), Sample(numbers, True)
                    if all(map(is_refuted, samples)):
                        return numbers
            except (ArithmeticError, ValueError, KeyError, TypeError):
                continue
        return None

    def _samples(self, names: Mapping[str, object]) -> Iterator[Numbers]:
        draw = random.Random(0)
        choices = {name: self.choices(name) for name in names}
        if not all(choices.values()):
            return
        yield {name: listed[0] for name, listed in choices.items()}
        for _ in range(TRIES):
            yield {
                name: listed[0] if draw.random() < 0.4 else draw.choice(listed)
                for name, listed in choices.items()
            }

    def choices(self, name: str) -> list[float]:
        """Candidate values of a name, in order of priority."""
        if OF_PART in name:
            return []  # Not any number, but one that others make.
        if name in self.open and name in self.first:
            return [self.first[name]]
        interval = self.known.get(name, EVERYTHING)
        ends = [float(end) for end in (interval.low, interval.high) if end is not None]
        listed = [*_USUAL, 0.0, *(-value for value in _USUAL), *ends]
        if len(ends) == 2:
            listed.append(sum(ends) / 2)
        if name in self.first:
            listed.insert(0, self.first[name])
        whole = name in self.integers
        return [x for x in listed if is_inside(x, interval) and (x.is_integer() or not whole)]


def is_inside(value: float, interval: Interval) -> bool:
    """Whether a finite number lies in an interval."""
    low, high = interval.low, interval.high
    above = low is None or value > low or (value == low and not interval.low_open)
    below = high is None or value < high or (value == high and not interval.high_open)
    return math.isfinite(value) and above and below


def exactly(value: float) -> Expression:
    """A number as written; a quotient if it isn't an integer."""
    written = Fraction(repr(value))
    if written.denominator == 1:
        return Number(written.numerator)
    return Operation("/", (Number(written.numerator), Number(written.denominator)))


def python(expression: Expression) -> str:
    """An expression in Python syntax, after ``from math import *``."""
    match expression:
        case Number(value):
            return repr(value)
        case Name(name):
            return name
        case Operation(operator, operands):
            return _python(operator, [python(operand) for operand in operands])


def _python(operator: str, parts: list[str]) -> str:
    match operator, parts:
        case "neg", [a]:
            return f"(-{a})"
        case "not", [a]:
            return f"(not {a})"
        case _, [a] if operator in REDUCERS:
            # A tensor has one element here.
            return f"abs({a})" if REDUCERS[operator].is_norm else a
        case _, [a, b] if operator not in REGISTRY:
            return f"({a} {operator} {b})"
    function = REGISTRY.get(operator)
    if function is not None and function.notation.python:
        return function.notation.python.format(*parts)
    return f"{operator}({', '.join(parts)})"
