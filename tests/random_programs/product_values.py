"""The meaning of rules with functions of matrices, by NumPy in float64 and Python's own parser."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.random_programs.bounded import Array
from tests.random_programs.matrices import batched
from tests.random_programs.products import COLUMNS, ROWS, SHORT, Rule

_OPERATORS: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Eq: operator.eq,
}
_REPEAT = re.compile(r"^(\s*)repeat (\d+):$", re.MULTILINE)


def _turned(matrix: Array) -> Array:
    return np.swapaxes(matrix, -1, -2)


def _inverse_root(square: Array, degree: float, epsilon: float) -> Array:
    """By a singular value decomposition, which the optimizer doesn't use."""
    left, values, _ = np.linalg.svd(square, hermitian=True)
    return np.asarray((left * (values + epsilon)[..., None, :] ** (-1 / degree)) @ _turned(left))


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "transpose": _turned,
    "tanh": np.tanh,
    "clip": np.clip,
    "sum": np.sum,
    "norm": lambda values: np.sqrt(np.sum(values * values)),
    "largest": np.max,
    "smallest": np.min,
    "row_norm": lambda values: np.sqrt(np.sum(values * values, axis=-1, keepdims=True)),
    "orthonormal": lambda square: np.linalg.qr(square)[0],
    "eigenvectors": lambda square: np.linalg.eigh(square)[1],
    "inverse_root": _inverse_root,
}


class Meaning:
    """One variable under a rule; calls change it."""

    def __init__(self, rule: Rule, variable: Array, rate: float) -> None:
        self._rule, self._number = rule, 0
        self._tree = ast.parse(_REPEAT.sub(r"\1for _ in range(\2):", "\n".join(rule.lines)))
        self._view = rule.view if variable.ndim > 1 else ""
        self._order = np.arange(variable.size).reshape(variable.shape)
        start = batched(variable, self._view) if self._view else variable
        self._names: dict[str, Any] = {"param": start.astype(np.float64)}
        self._names |= {"learning_rate": rate, "decay": rule.decay}
        if self._view:
            count, rows, columns = start.shape
            sides = {ROWS: rows, COLUMNS: columns, SHORT: min(rows, columns)}
            self._is_tall = rows > columns
            for name, kind in rule.states.items():
                side = sides.get(kind)
                shape = (count, rows, columns) if side is None else (count, side, side)
                self._names[name] = np.zeros(shape)

    def apply(self, gradient: Array) -> None:
        """One step."""
        self._number += 1
        grad = batched(gradient, self._view) if self._view else gradient
        self._names |= {"grad": grad.astype(np.float64), "step": self._number}
        self._run(self._tree.body)
        self._names["param"] = self._names["param"] - self._names["change"]

    @property
    def param(self) -> Array:
        """The variable in its own shape."""
        return self._back(self._names["param"])

    def state(self, name: str) -> Array:
        """A state: of the variable's shape, or squares one after the other."""
        found: Array = self._names[name]
        is_element = self._rule.states[name] == "element"
        return self._back(found) if is_element else found

    def _back(self, values: Array) -> Array:
        if not self._view:
            return values
        found = np.empty(values.size)
        found[batched(self._order, self._view).ravel()] = values.ravel()
        return found.reshape(self._order.shape)

    def _run(self, body: list[ast.stmt]) -> None:
        for line in body:
            match line:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._names[name] = self._value(value)
                case ast.For(iter=ast.Call(args=[ast.Constant(value=int() as times)])):
                    for _ in range(times):
                        self._run(line.body)
                case ast.If():
                    self._run(line.body if self._value(line.test) else line.orelse)
                case _:
                    raise ValueError(ast.unparse(line))

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id="matrix"):
                return bool(self._view)
            case ast.Name(id=name):
                return self._names[name]
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -self._value(inner)
            case ast.BinOp(op=ast.MatMult()):
                return self._product(self._value(node.left), self._value(node.right))
            case ast.BinOp():
                return _OPERATORS[type(node.op)](self._value(node.left), self._value(node.right))
            case ast.Compare(ops=[ast.Eq()], comparators=[other]):
                return self._value(node.left) == self._value(other)
            case ast.Call(func=ast.Name(id="gram"), args=[inner]):
                found = self._upright(self._value(inner))
                return found @ _turned(found)
            case ast.Call(func=ast.Name(id=name)):
                return _FUNCTIONS[name](*map(self._value, node.args))
        raise ValueError(ast.unparse(node))

    def _upright(self, values: Array) -> Array:
        """A matrix of elements with the fewer as rows."""
        return _turned(values) if self._is_tall else values

    def _product(self, left: Array, right: Array) -> Array:
        if left.shape[-1] == right.shape[-2]:
            return np.asarray(left @ right)
        # A square of the fewer multiplies the shorter side.
        return self._upright(left @ self._upright(right))
