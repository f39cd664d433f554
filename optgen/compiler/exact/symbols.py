"""Expressions as SymPy's, for looking whether two are the same; names never reach it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import sympy

from optgen.compiler.nouns.expression import Expression, Name, Number, Operation

#: Larger expressions are compared at points only.
MOST_OPERATIONS = 400

_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "%": sympy.Mod,
    "neg": lambda a: -a,
    "abs": sympy.Abs,
    "sign": sympy.sign,
    "sqrt": sympy.sqrt,
    "exp": sympy.exp,
    "log": sympy.log,
    "max": sympy.Max,
    "min": sympy.Min,
    "clip": lambda a, low, high: sympy.Min(sympy.Max(a, low), high),
    "<": sympy.Lt,
    "<=": sympy.Le,
    ">": sympy.Gt,
    ">=": sympy.Ge,
    "==": sympy.Eq,
    "!=": sympy.Ne,
    "and": sympy.And,
    "or": sympy.Or,
    "not": sympy.Not,
    "where": lambda condition, a, b: sympy.Piecewise((a, condition), (b, True)),
}

_BACK = {sympy.Add: "+", sympy.Mul: "*", sympy.Pow: "**"}


class NotComparableError(Exception):
    """An expression that SymPy's stand for nothing in, or that stands for none of SymPy's."""


class Symbols:
    """One symbol for each name, in ``named``; those of positive numbers are positive."""

    def __init__(self, prefix: str, positive: set[str]) -> None:
        """``prefix`` keeps the symbols of two rules apart."""
        self._prefix, self._positive = prefix, positive
        self.named: dict[str, sympy.Symbol] = {}

    def of(self, name: str) -> sympy.Symbol:
        """The symbol of a name."""
        if name not in self.named:
            sign = {"positive": True} if name in self._positive else {"real": True}
            self.named[name] = sympy.Symbol(f"{self._prefix}{len(self.named)}", **sign)
        return self.named[name]

    def expression(self, expression: Expression) -> sympy.Expr:
        """An expression of ours. Raises NotComparableError."""
        match expression:
            case Number(value):
                return (
                    sympy.Rational(repr(value))
                    if isinstance(value, float)
                    else sympy.Integer(value)
                )
            case Name(name):
                return self.of(name)
            case Operation(operator, operands):
                if operator not in _OPERATIONS:
                    raise NotComparableError(operator)
                return _OPERATIONS[operator](*map(self.expression, operands))

    def back(self, expression: sympy.Expr) -> Expression:
        """An expression of SymPy's as ours. Raises NotComparableError."""
        names = {symbol: name for name, symbol in self.named.items()}
        if expression in names:
            return Name(names[expression])
        if expression.is_Rational:
            top, bottom = Number(int(expression.p)), Number(int(expression.q))
            return top if bottom.value == 1 else Operation("/", (top, bottom))
        above, below = expression.as_numer_denom()
        if below != 1 and not expression.is_Add:
            return Operation("/", (self.back(above), self.back(below)))
        operands = [self.back(operand) for operand in expression.args]
        for kind, operator in _BACK.items():
            if isinstance(expression, kind):
                return reduce(lambda a, b: Operation(operator, (a, b)), operands)
        raise NotComparableError(str(expression.func))


def is_zero(expression: sympy.Expr) -> bool:
    """Whether an expression is 0 for all values of its symbols, as far as SymPy can tell."""
    if expression == 0:
        return True
    listed = sorted(expression.free_symbols, key=lambda symbol: symbol.name)
    points = (
        {s: _number(s, k, sign) for k, s in enumerate(listed)}
        for sign in (1, -1, (-1) ** len(listed))
    )
    if any(abs(expression.subs(point).evalf(30)) > 1e-20 for point in points):
        return False
    if sympy.count_ops(expression) > MOST_OPERATIONS:
        return False
    return bool(sympy.simplify(expression) == 0)


def _number(symbol: sympy.Symbol, place: int, sign: int) -> sympy.Rational:
    """A number for a symbol; symbols that may be negative take both signs."""
    size = sympy.Rational(3 + 2 * place, 7 + place)
    return size if symbol.is_positive else size * sign * (-1) ** place
