"""Numbers that refute a property: tried, never taken for a proof."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence

from optgen.compiler.nouns.expression import Expression, Name, Number, Operation
from optgen.compiler.nouns.value import evaluate
from optgen.compiler.prove.interval import EVERYTHING, Interval

TRIES = 1500
_USUAL = (1.0, 2.0, 0.5, 3.0, 0.9, 10.0, 0.1, 0.999, 0.01, 1e-7, 100.0, 0.25, 1e-3, 1e3)

Numbers = dict[str, float]


def samples(
    names: Sequence[str], known: Mapping[str, Interval], first: Mapping[str, float]
) -> Iterator[Numbers]:
    """Settings of names inside what is known of them; ``first`` are tried before others."""
    draw = random.Random(0)
    choices = {name: _choices(known.get(name, EVERYTHING), first.get(name)) for name in names}
    if not all(choices.values()):
        return
    yield {name: listed[0] for name, listed in choices.items()}
    for _ in range(TRIES):
        yield {
            name: listed[0] if draw.random() < 0.4 else draw.choice(listed)
            for name, listed in choices.items()
        }


def _choices(interval: Interval, first: float | None) -> list[float]:
    usual = [*_USUAL, 0.0, *(-value for value in _USUAL)]
    ends = [float(end) for end in (interval.low, interval.high) if end is not None]
    if len(ends) == 2:
        usual.append(sum(ends) / 2)
    preferred = [] if first is None else [first]
    return [value for value in (*preferred, *usual, *ends) if _inside(value, interval)]


def _inside(value: float, interval: Interval) -> bool:
    low, high = interval.low, interval.high
    above = low is None or value > low or (value == low and not interval.low_open)
    below = high is None or value < high or (value == high and not interval.high_open)
    return above and below


def search(
    names: Sequence[str],
    known: Mapping[str, Interval],
    first: Mapping[str, float],
    is_refuted: Callable[[Numbers], bool],
) -> Numbers | None:
    """The first sample that refutes something; None if none does."""
    for numbers in samples(names, known, first):
        try:
            if is_refuted(numbers):
                return numbers
        except (ArithmeticError, ValueError, KeyError, TypeError):
            continue
    return None


def value(expression: Expression, numbers: Numbers) -> float:
    """The value of an expression in float64. Raises ArithmeticError or ValueError."""
    found = float(evaluate(expression, numbers))
    if not math.isfinite(found):
        raise ArithmeticError
    return found


def holds(condition: Expression, numbers: Numbers) -> bool:
    """Whether a condition is true of numbers."""
    return bool(evaluate(condition, numbers))


def python(expression: Expression) -> str:
    """An expression as Python, after ``from math import *``."""
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
        case "where", [condition, yes, no]:
            return f"({yes} if {condition} else {no})"
        case "sign", [a]:
            return f"copysign({a} != 0, {a})"
        case "clip", [a, low, high]:
            return f"min(max({a}, {low}), {high})"
        case _, [a, b] if not operator.isalpha() or operator in ("and", "or"):
            return f"({a} {operator} {b})"
    return f"{operator}({', '.join(parts)})"
