"""Numbers: defaults within their ranges, and constant parts that have a finite value."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from optgen.compiler.nouns.expression import Expression, Name, Number, Operation, names, text, walk
from optgen.compiler.nouns.problem import Problem
from optgen.compiler.nouns.rule import Hyperparameter, Rule
from optgen.compiler.nouns.spec import Scalar

LARGEST_EXPONENT = 64

_ARITHMETIC: Mapping[str, Callable[..., float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": lambda a, b: a % b,
    "**": math.pow,
    "neg": lambda a: -a,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "not": lambda a: not a,
    "sqrt": math.sqrt,
    "abs": abs,
    "sign": lambda a: math.copysign(1.0, a) if a else 0.0,
    "exp": math.exp,
    "log": math.log,
    "min": min,
    "max": max,
    "clip": lambda a, low, high: min(max(a, low), high),
    "where": lambda condition, a, b: a if condition else b,
}


def check_values(rule: Rule) -> Iterator[Problem]:
    """Defaults outside their ranges, ranges that ask for other things, impossible constants."""
    for hyperparameter in rule.hyperparameters:
        yield from _check_default(hyperparameter)
    for expression in expressions(rule):
        for part in walk(expression):
            if isinstance(part, Operation):
                yield from _check_constant(part)


def expressions(rule: Rule) -> Iterator[Expression]:
    """Every expression of a rule."""
    for block in rule.blocks:
        for step in (*block.steps, *block.otherwise):
            yield step.expression
        if block.proceed is not None:
            yield block.proceed
    yield from rule.atoms.values()
    for declared in rule.hyperparameters:
        if declared.range is not None:
            yield declared.range
    for state in rule.states:
        if state.invariant is not None:
            yield state.invariant


def _check_default(hyperparameter: Hyperparameter) -> Iterator[Problem]:
    name, bounds = hyperparameter.name, hyperparameter.range
    if bounds is None:
        return
    foreign = [other for other in names(bounds) if other != name]
    if foreign or hyperparameter.is_switch:
        message = f"the range of {name} may speak of {name} only"
        if hyperparameter.is_switch:
            message = f"{name} is a switch, which has no range"
        yield Problem(message, bounds.location, f'write range = "0 <= {name} < 1"')
        return
    for value in (hyperparameter.default, hyperparameter.excluded):
        if value is not None and not within(value, hyperparameter):
            message = f"{name} = {value} is outside its range {text(bounds)}"
            yield Problem(message, hyperparameter.location, "mend the default or the range")
        if value is not None and hyperparameter.integer and value != int(value):
            yield Problem(f"{name} = {value} is not an integer", hyperparameter.location)


def within(value: Scalar, hyperparameter: Hyperparameter) -> bool:
    """Whether a value lies in the range of a hyperparameter."""
    if hyperparameter.range is None:
        return True
    try:
        return bool(evaluate(hyperparameter.range, {hyperparameter.name: value}))
    except (ArithmeticError, ValueError):
        return False


def evaluate(expression: Expression, values: Mapping[str, Scalar]) -> float:
    """The value of an expression in float64; raises ArithmeticError or ValueError."""
    match expression:
        case Number(value):
            return value
        case Name(name):
            return values[name]
        case Operation(operator, operands):
            return _ARITHMETIC[operator](*(evaluate(operand, values) for operand in operands))


def _check_constant(part: Operation) -> Iterator[Problem]:
    if part.operator == "**":
        exponent = part.operands[1]
        value = None if names(exponent) else _constant(exponent)
        if value is not None and abs(value) > LARGEST_EXPONENT:
            message = f"an exponent beyond {LARGEST_EXPONENT}"
            yield Problem(message, exponent.location, "no optimizer needs one")
            return
    if names(part) or any(
        isinstance(p, Operation) and p.operator not in _ARITHMETIC for p in walk(part)
    ):
        return
    if _constant(part) is None:
        yield Problem(f"{text(part):.60} has no finite value", part.location)


def _constant(expression: Expression) -> float | None:
    try:
        value = float(evaluate(expression, {}))
    except (ArithmeticError, ValueError):
        return None
    return value if math.isfinite(value) else None
