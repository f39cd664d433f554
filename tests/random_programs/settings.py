"""Hyperparameters of one variable, and the static conditions that they decide."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

#: A hyperparameter as the user gave it; None where an optional one is off.
Argument = float | bool | None

#: The name of a static condition that the shape of a variable decides.
MATRIX = "matrix"

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


@dataclass(frozen=True)
class Setting:
    """What a variable is updated with.

    ``others`` are the arguments of the optimizer and of all groups: a condition on a number holds
    where it holds for any of them. ``excluded`` are the values in place of some arguments.
    """

    arguments: Mapping[str, Argument]
    others: Sequence[Mapping[str, Argument]] = ()
    excluded: Mapping[str, float] = field(default_factory=dict)
    is_matrix: bool = False

    def value(self, name: str) -> Argument:
        """A hyperparameter as expressions have it."""
        return self.excluded.get(name, self.arguments[name])

    def holds(self, node: ast.expr) -> bool:
        """A condition of ``if``, over hyperparameters alone."""
        match node:
            case ast.BoolOp(op=ast.And()):
                return all(self.holds(value) for value in node.values)
            case ast.BoolOp(op=ast.Or()):
                return any(self.holds(value) for value in node.values)
            case ast.UnaryOp(op=ast.Not()):
                return not self.holds(node.operand)
            case ast.Call(func=ast.Name(id="given"), args=[ast.Name(id=name)]):
                return self.arguments[name] is not None
            case ast.Name(id=name) if name == MATRIX and MATRIX not in self.arguments:
                return self.is_matrix
            case ast.Name(id=name):
                return bool(self.arguments[name])
            case ast.Compare():
                sides = [node.left, *node.comparators]
                pairs = zip(node.ops, sides, sides[1:], strict=False)
                return all(self._compared(*pair) for pair in pairs)
        raise ValueError(f"no static condition: {ast.unparse(node)}")

    def _compared(self, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> bool:
        """Whether a comparison holds for any variables; of several in a row each has its own."""
        return any(
            _PYTHON[type(operator)](_number(left, every), _number(right, every))
            for every in (self.arguments, *self.others)
        )


def _number(node: ast.expr, arguments: Mapping[str, Argument]) -> float:
    match node:
        case ast.UnaryOp(op=ast.USub()):
            return -_number(node.operand, arguments)
        case ast.Constant(value=float() | int() as number):
            return number
        case ast.Name(id=name):
            found = arguments[name]
            assert found is not None, name
            return found
        case ast.BinOp():
            left, right = (_number(side, arguments) for side in (node.left, node.right))
            return _PYTHON[type(node.op)](left, right)
    raise ValueError(f"no number that is known before a call: {ast.unparse(node)}")
