"""Rules evaluated from their text, by Python's own parser and nothing of optgen.

What the language means is written down here a second time: docs/language.md is its source.
"""

from __future__ import annotations

import ast
import math
import operator
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from tests.random_programs import arithmetic
from tests.random_programs.bounded import (
    LONG,
    OWN_UNIT,
    Array,
    Level,
    Number,
    Rounding,
    Truth,
    single,
)

Value = Number | Truth
#: A hyperparameter as the user gave it; None where an optional one is off.
Argument = float | bool | None

_BINARY: Mapping[type[ast.operator], Callable[[Rounding, Number, Number], Number]] = {
    ast.Add: arithmetic.add,
    ast.Sub: arithmetic.subtract,
    ast.Mult: arithmetic.multiply,
    ast.Div: arithmetic.divide,
    ast.Mod: arithmetic.modulo,
}
_COMPARE: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_PYTHON: Mapping[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    "sqrt": arithmetic.root,
    "abs": arithmetic.size,
    "sign": arithmetic.sign,
    "exp": arithmetic.exponential,
    "log": arithmetic.logarithm,
    "tanh": arithmetic.tangent,
    "atan2": arithmetic.angle,
    "floor": arithmetic.floor,
    "min": arithmetic.smallest,
    "max": arithmetic.largest,
    "clip": arithmetic.clip,
}
_REDUCTIONS = ("sum", "mean", "norm", "global_sum", "global_norm")


@dataclass(frozen=True)
class Freedom:
    """What a target may round otherwise than the CPU's kernels do.

    ``unit`` is that of each addition of a sum, whose squares mustn't leave a range. The host's
    numbers may be of the parameter's format where it isn't ``wide_host``.
    """

    unit: float = 2.0**-53
    smallest: float = float(np.finfo(np.float64).smallest_normal)
    largest: float = float(np.finfo(np.float64).max)
    wide_host: bool = True


@dataclass(frozen=True)
class Layout:
    """Elements of all variables in one stretch; ``bounds`` are where each begins and ends."""

    bounds: Sequence[tuple[int, int]]
    rounding: Rounding
    freedom: Freedom

    @property
    def count(self) -> int:
        """The number of elements of all."""
        return self.bounds[-1][1] if self.bounds else 0


class Interpreter:
    """Runs the statements of one rule over elements; ``names`` holds what is known by name."""

    def __init__(
        self, layout: Layout, arguments: Mapping[str, Argument], names: dict[str, Value]
    ) -> None:
        self._layout, self._rounding = layout, layout.rounding
        self._arguments, self.names = arguments, names
        self._elements: frozenset[str] = frozenset()
        self._several: frozenset[str] = frozenset()

    def run(self, rule: str, states: Sequence[str]) -> None:
        """Run a rule; what it assigns is in ``names``."""
        tree = ast.parse(rule)
        targets = Counter(
            node.targets[0].id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        )
        self._elements = frozenset({"param", "grad", *states})
        self._several = frozenset(name for name, count in targets.items() if count > 1)
        self._statements(tree.body)

    def _statements(self, body: Sequence[ast.stmt]) -> None:
        for node in body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.names[name] = self._stored(name, self.value(value))
                case ast.If(test=test):
                    self._statements(node.body if self.static(test) else node.orelse)
                case ast.Pass():
                    pass
                case _:
                    raise ValueError(f"no statement of the language: {ast.unparse(node)}")

    def _stored(self, name: str, value: Value) -> Value:
        """What a name holds: elements, and names of several values, may be rounded there."""
        if isinstance(value, Truth):
            return value
        if name in self._elements:
            return self._rounding.at(value, Level.ELEMENT)
        return self._rounding.at(value, Level.TENSOR) if name in self._several else value

    @staticmethod
    def parsed(text: str) -> ast.expr:
        """An expression in the notation of a spec."""
        return ast.parse(text, mode="eval").body

    def static(self, node: ast.expr) -> bool:
        """A condition of ``if``, over hyperparameters alone."""
        return bool(self._fixed(node))

    def _fixed(self, node: ast.expr) -> float | bool:
        match node:
            case ast.BoolOp(op=ast.And()):
                return all(self._fixed(value) for value in node.values)
            case ast.BoolOp(op=ast.Or()):
                return any(self._fixed(value) for value in node.values)
            case ast.UnaryOp(op=ast.Not()):
                return not self._fixed(node.operand)
            case ast.Call(func=ast.Name(id="given"), args=[ast.Name(id=name)]):
                return self._arguments[name] is not None
            case ast.UnaryOp(op=ast.USub()):
                return -self._fixed(node.operand)
            case ast.Constant(value=float() | int() as number):
                return number
            case ast.Name(id=name):
                found = self._arguments[name]
                assert found is not None, name
                return found
            case ast.BinOp():
                return _PYTHON[type(node.op)](self._fixed(node.left), self._fixed(node.right))
            case ast.Compare():
                sides = [self._fixed(side) for side in (node.left, *node.comparators)]
                pairs = zip(node.ops, sides, sides[1:], strict=False)
                return all(_PYTHON[type(op)](left, right) for op, left, right in pairs)
        raise ValueError(f"no static condition: {ast.unparse(node)}")

    def value(self, node: ast.expr) -> Value:
        """The value of an expression."""
        match node:
            case ast.Constant(value=float() | int() as number):
                return single(float(number), self._layout.count)
            case ast.Name(id=name):
                return self._named(name)
            case ast.UnaryOp(op=ast.USub()):
                return arithmetic.negative(self._rounding, self.number(node.operand))
            case ast.UnaryOp(op=ast.Not()):
                return arithmetic.opposite(self.truth(node.operand))
            case ast.BinOp(op=ast.Pow()):
                return self._power(node)
            case ast.BinOp():
                apply = _BINARY[type(node.op)]
                return apply(self._rounding, self.number(node.left), self.number(node.right))
            case ast.BoolOp():
                join = arithmetic.both if isinstance(node.op, ast.And) else arithmetic.either
                return reduce(join, map(self.truth, node.values))
            case ast.Compare():
                return self._comparison(node)
            case ast.Call(func=ast.Name(id=name)):
                return self._call(name, node.args)
        raise ValueError(f"no expression of the language: {ast.unparse(node)}")

    def number(self, node: ast.expr) -> Number:
        """The value of an expression that is a number."""
        found = self.value(node)
        assert isinstance(found, Number), ast.unparse(node)
        return found

    def truth(self, node: ast.expr) -> Truth:
        """The value of an expression that is a condition."""
        found = self.value(node)
        assert isinstance(found, Truth), ast.unparse(node)
        return found

    def _named(self, name: str) -> Value:
        if name in self.names:
            return self.names[name]
        return self._constant(self._arguments[name])

    def _constant(self, value: Argument) -> Value:
        count = self._layout.count
        if isinstance(value, bool):
            return Truth(np.full(count, value), np.ones(count, np.bool_), Level.HOST)
        assert value is not None
        return single(float(value), count)

    def _power(self, node: ast.BinOp) -> Number:
        base, exponent = self.number(node.left), self.number(node.right)
        written = _written(node.right)
        if written == 0.5:
            return arithmetic.root(self._rounding, base)
        is_whole = written is not None and written == int(written)
        whole = int(written) if is_whole and written is not None else None
        return arithmetic.power(self._rounding, base, exponent, whole)

    def _comparison(self, node: ast.Compare) -> Truth:
        sides = [self.number(side) for side in (node.left, *node.comparators)]
        parts = [
            arithmetic.compare(self._rounding, _COMPARE[type(op)], left, right)
            for op, left, right in zip(node.ops, sides, sides[1:], strict=False)
        ]
        found = parts[0]
        for part in parts[1:]:
            found = arithmetic.both(found, part)
        return found

    def _call(self, name: str, args: Sequence[ast.expr]) -> Value:
        if name == "given":
            return self._constant(self.static(ast.Call(ast.Name("given"), list(args), [])))
        if name == "where":
            condition, yes, no = self.truth(args[0]), self.value(args[1]), self.value(args[2])
            if isinstance(yes, Truth) and isinstance(no, Truth):
                return arithmetic.chosen(condition, yes, no)
            assert isinstance(yes, Number)
            assert isinstance(no, Number)
            return arithmetic.choice(self._rounding, condition, yes, no)
        operands = [self.number(arg) for arg in args]
        if name in _REDUCTIONS:
            return self._reduced(name, operands[0])
        return FUNCTIONS[name](self._rounding, *operands)

    def _reduced(self, name: str, operand: Number) -> Number:
        """A sum over each variable, or over all, as every element sees it."""
        term = self._rounding.at(operand, Level.ELEMENT)
        count = self._layout.count
        value, error = np.zeros(count, LONG), np.zeros(count, LONG)
        everywhere = name.startswith("global")
        for first, last in [(0, count)] if everywhere else self._layout.bounds:
            own = slice(first, last)
            found = self._total(name, term.value[own], term.error[own])
            value[own], error[own] = found
        return self._rounding(value, error, Level.TENSOR, 1)

    def _total(self, name: str, value: Array, error: Array) -> tuple[float, float]:
        count, freedom = len(value), self._layout.freedom
        units = LONG((count + 2) * (freedom.unit + 2 * OWN_UNIT))
        if not np.isfinite(error).all():
            return math.nan, math.inf
        if name.endswith("norm"):
            square = np.square(value).sum()
            if np.isfinite(square) and square > freedom.largest / 2:
                return math.nan, math.inf
            total, lost = np.sqrt(square), np.sqrt(np.square(error).sum())
            lost += units * (total + lost)
            if value.any():
                lost += math.sqrt(count * freedom.smallest)
        else:
            total, lost = value.sum(), error.sum()
            lost += units * (abs(value).sum() + lost)
        if name == "mean":
            total, lost = (total / count, lost / count) if count else (LONG(np.nan), LONG(0))
        return total, lost if np.isfinite(total) else 0


def _written(node: ast.expr) -> float | None:
    """A number as it is written, also with a minus before it."""
    match node:
        case ast.Constant(value=float() | int() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=float() | int() as value)):
            return -float(value)
    return None
