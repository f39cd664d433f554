"""Steps on a quadratic as linear forms of the parameter and the states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from optgen.analysis.explain.algebra import Algebra, TooLargeError
from optgen.compiler.ir.expression import (
    GIVEN,
    REDUCTIONS,
    Expression,
    Name,
    Number,
    Operation,
)
from optgen.compiler.ir.rule import GRAD, LEARNING_RATE, PARAM, Rule, Step

_EXPONENTS = [Number(exponent) for exponent in range(9)]
#: The key of the constant term.
CONSTANT = ""

#: The coefficient of each name; all are nonzero.
Form = Mapping[str, Any]
Matrix = Sequence[Sequence[Any]]


class NotLinearError(Exception):
    """A value that isn't a linear form, or one above the size limit."""


class Forms:
    """The linear form of each name during the execution of steps; None for any other value."""

    def __init__(self, algebra: Algebra, rule: Rule) -> None:
        self._algebra = algebra
        self._held: dict[str, Form | None] = {
            PARAM: {PARAM: algebra.one},
            GRAD: {PARAM: algebra.curvature},
            LEARNING_RATE: {CONSTANT: algebra.product / algebra.curvature},
            **{state.name: {state.name: algebra.one} for state in rule.states},
        }
        usable = (h for h in rule.hyperparameters if not (h.is_list or h.is_switch))
        self._hyperparameters = {h.name for h in usable}

    def take(self, step: Step) -> None:
        """Execute a step."""
        try:
            self._held[step.target] = self._form(step.expression)
        except (NotLinearError, TooLargeError, ZeroDivisionError):
            self._held[step.target] = None

    def matrix(self, largest: int) -> Matrix:
        """The matrix of the step on the parameter and all states that it depends on.

        Raises NotLinearError, also if its dimension exceeds ``largest``.
        """
        needed = [PARAM]
        for name in needed:
            form = self._held[name]
            if form is None or CONSTANT in form:
                raise NotLinearError
            needed += [other for other in form if other not in needed]
            if len(needed) > largest:
                raise NotLinearError
        rows = [self._held[name] or {} for name in needed]
        return [[row.get(name, self._algebra.zero) for name in needed] for row in rows]

    def _form(self, expression: Expression) -> Form:
        match expression:
            case Number(value):
                return _tidy({CONSTANT: self._algebra.number(value)})
            case Name(name):
                return self._named(name)
        operator = expression.operator
        if operator in REDUCTIONS or operator == GIVEN:
            raise NotLinearError
        forms = [self._form(operand) for operand in expression.operands]
        match operator, forms:
            case "+", [left, right]:
                return self._plus(left, right)
            case "-", [left, right]:
                return self._plus(left, self._scaled(right, -self._algebra.one))
            case "neg", [form]:
                return self._scaled(form, -self._algebra.one)
            case "*", [left, right]:
                constant, other = (left, right) if left.keys() <= {CONSTANT} else (right, left)
                return self._scaled(other, self._constant(constant))
            case "/", [left, right]:
                return self._scaled(left, 1 / self._constant(right))
        return _tidy({CONSTANT: self._function(expression, [*map(self._constant, forms)])})

    def _named(self, name: str) -> Form:
        if name in self._held:
            form = self._held[name]
            if form is None:
                raise NotLinearError
            return form
        if name not in self._hyperparameters:
            raise NotLinearError
        return {CONSTANT: self._algebra.symbol(Name(name))}

    def _constant(self, form: Form) -> Any:
        if form.keys() - {CONSTANT}:
            raise NotLinearError
        return form.get(CONSTANT, self._algebra.zero)

    def _plus(self, left: Form, right: Form) -> Form:
        total = dict(left)
        for name, multiple in right.items():
            total[name] = self._algebra.plus(total.get(name, self._algebra.zero), multiple)
        return _tidy(total)

    def _scaled(self, form: Form, scale: Any) -> Form:
        return _tidy({name: self._algebra.times(scale, held) for name, held in form.items()})

    def _function(self, whole: Operation, operands: Sequence[Any]) -> Any:
        """A function of hyperparameters alone: a power, or a function with a new symbol."""
        if whole.operator == "**" and whole.operands[1] in _EXPONENTS:
            return reduce(
                self._algebra.times,
                [operands[0]] * _EXPONENTS.index(whole.operands[1]),
                self._algebra.one,
            )
        given = (self._algebra.product, self._algebra.curvature)
        if any(self._algebra.has(operand, one) for operand in operands for one in given):
            raise NotLinearError
        shown = tuple(map(self._algebra.shown, operands))
        return self._algebra.symbol(Operation(whole.operator, shown))


def _tidy(form: Form) -> Form:
    return {name: multiple for name, multiple in form.items() if multiple != 0}
