"""Defaults out of range, and constant subexpressions without a finite value."""

from __future__ import annotations

from collections.abc import Iterator

from optgen.compiler.ir.expression import (
    ARITHMETIC,
    COMPARISONS,
    LOGICAL,
    Expression,
    Name,
    Number,
    Operation,
    text,
    walk,
)
from optgen.compiler.ir.function import Origin
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.problem import Location, Problem
from optgen.compiler.ir.rule import Hyperparameter, Rule
from optgen.compiler.ir.spec import Scalar
from optgen.compiler.ir.value import constant, evaluate, is_constant

#: Powers are expanded into products; nested powers count as the product of their exponents.
LARGEST_EXPONENT = 64

#: The operations allowed in a range; Python evaluates it whenever a hyperparameter is set.
_BUILTIN = {f.name for f in REGISTRY.values() if f.code.python is Origin.BUILTIN}
_IN_A_RANGE = ARITHMETIC - {"**"} | COMPARISONS | LOGICAL | {"neg"} | _BUILTIN


def check_values(rule: Rule) -> Iterator[Problem]:
    """Unsupported operations in ranges, defaults outside their range, and undefined constants."""
    for hyperparameter in rule.hyperparameters:
        problems = list(_check_range(hyperparameter))
        yield from problems or check_default(hyperparameter)
    for expression in _expressions(rule):
        yield from list(_check_powers(expression, 1.0)) or _check_constants(expression)


def _expressions(rule: Rule) -> Iterator[Expression]:
    for block in rule.blocks:
        for step in block.every_step:
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


def _check_range(hyperparameter: Hyperparameter) -> Iterator[Problem]:
    name, bounds = hyperparameter.name, hyperparameter.range
    for part in walk(bounds) if bounds is not None else ():
        if isinstance(part, Name) and part.id != name:
            message = f"the range of {name} may speak of {name} only"
            yield Problem(message, part.location, f'write range = "0 <= {name} < 1"')
        if isinstance(part, Operation) and part.operator not in _IN_A_RANGE:
            message = f"{part.operator} has no place in a range"
            yield Problem(message, part.location, f'write range = "0 <= {name} < 1"')
        if isinstance(part, Operation) and part.operator in ("/", "%"):
            right = part.operands[1]
            if not isinstance(right, Number):
                message = f"the right side of {part.operator} must be a number in a range"
                yield Problem(message, right.location, "multiply both sides instead")


def check_default(hyperparameter: Hyperparameter) -> Iterator[Problem]:
    """A default, or a value for excluded variables, that is invalid for its own hyperparameter."""
    values = (
        (hyperparameter.default, hyperparameter.default_at),
        (hyperparameter.excluded, hyperparameter.excluded_at),
    )
    for value, at in values:
        if value is not None:
            yield from _check_value(hyperparameter, value, at or hyperparameter.location)


def _check_value(hyperparameter: Hyperparameter, value: Scalar, at: Location) -> Iterator[Problem]:
    name, bounds = hyperparameter.name, hyperparameter.range
    if bounds is not None and not within(value, hyperparameter):
        message = f"{name} = {value} is outside its range {text(bounds)}"
        yield Problem(message, at, "mend the default or the range")
    elif hyperparameter.integer and value != int(value):
        yield Problem(f"{name} = {value} is not an integer", at, "mend it, or drop integer = true")


def within(value: Scalar, hyperparameter: Hyperparameter) -> bool:
    """Whether a value lies in the range of a hyperparameter."""
    if hyperparameter.range is None:
        return True
    try:
        return bool(evaluate(hyperparameter.range, {hyperparameter.name: value}))
    except (ArithmeticError, ValueError):
        return False


def _check_constants(expression: Expression) -> Iterator[Problem]:
    """Constant subexpressions without a value; each problem points to the smallest one."""
    if not isinstance(expression, Operation):
        return
    inner = [problem for part in expression.operands for problem in _check_constants(part)]
    yield from inner
    if inner:
        return
    if expression.operator in ("/", "%") and constant(expression.operands[1]) == 0:
        yield Problem("a division by zero", expression.location)
    elif is_constant(expression) and constant(expression) is None:
        yield Problem(f"{text(expression):.60} has no finite value", expression.location)


def _check_powers(expression: Expression, around: float) -> Iterator[Problem]:
    """Powers whose expansion, together with that of the enclosing powers, is too large."""
    if not isinstance(expression, Operation):
        return
    if expression.operator == "**":
        exponent = expression.operands[1]
        around *= max(1.0, abs(constant(exponent) or 1.0))
        if around > LARGEST_EXPONENT:
            message = f"a power beyond {LARGEST_EXPONENT}"
            yield Problem(message, exponent.location, "no optimizer needs one")
            return
    for part in expression.operands:
        yield from _check_powers(part, around)
