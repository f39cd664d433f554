"""The text of a rule as a Python program over NumPy arrays.

Nothing here is shared with the compiler: Python parses the text and runs it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import CodeType
from typing import Any

import numpy as np

from tests.numeric.noise import DRAWS

Array = np.ndarray[Any, np.dtype[Any]]


def given(value: object) -> bool:
    return value is not None


#: Functions of an element or a scalar, and of a static condition.
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": np.sign,
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "atan2": np.arctan2,
    "floor": np.floor,
    "half_cosine": lambda passed: (1 + np.cos(np.pi * passed)) / 2,
    "fraction": lambda amount, whole: np.where(whole > 0, amount / whole, 0),
    "min": np.minimum,
    "max": np.maximum,
    "clip": np.clip,
    "where": np.where,
    "given": given,
    "_all": lambda *conditions: np.logical_and.reduce(np.broadcast_arrays(*conditions)),
    "_any": lambda *conditions: np.logical_or.reduce(np.broadcast_arrays(*conditions)),
    "_not": np.logical_not,
}


def axis_reductions(
    shapes: Sequence[tuple[int, ...]], view: str
) -> dict[str, Callable[[Any], Any]]:
    """Reductions over rows and columns of matrices in a flat array, for each of their elements."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    ends = np.cumsum(sizes)[:-1]

    def along(axis: int, reduce: Callable[..., Any]) -> Callable[[Any], Array]:
        def apply(x: Any) -> Array:
            parts = np.split(np.broadcast_to(x, (sum(sizes),)), ends)
            folded = [p.reshape(as_matrices(s, view)) for p, s in zip(parts, shapes, strict=True)]
            axes = [-3 - axis if is_turned(shape, view) else axis for shape in shapes]
            found = [
                np.broadcast_to(reduce(m, axis=own, keepdims=True), m.shape)
                for m, own in zip(folded, axes, strict=True)
            ]
            return np.concatenate([np.ravel(each) for each in found])

        return apply

    return {
        f"{of}_{name}": along(axis, reduce)
        for of, axis in (("row", -1), ("column", -2))
        for name, reduce in _AXIS.items()
    }


def as_matrices(shape: tuple[int, ...], view: str) -> tuple[int, ...]:
    """The shape of a variable as a batch of matrices."""
    if view == "first by rest":
        return (1, shape[0], int(np.prod(shape[1:])))
    assert view == "last two" or len(shape) == 2
    return (int(np.prod(shape[:-2])), *shape[-2:])


def is_turned(shape: tuple[int, ...], view: str) -> bool:
    """Whether the rows of a variable are its columns: the shorter of the two largest."""
    return view == "two largest" and shape[-2] > shape[-1]


def _norm(x: Array, **axes: Any) -> Array:
    return np.asarray(np.sqrt(np.sum(x**2, **axes)))


_AXIS: Mapping[str, Callable[..., Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "norm": _norm,
    "largest": np.max,
    "smallest": np.min,
}


def reductions(sizes: Sequence[int]) -> dict[str, Callable[[Any], Any]]:
    """Sums over each variable, and over all, of a flat array of variables of these sizes."""
    ends, total = np.cumsum(sizes)[:-1], sum(sizes)

    def of_each(reduce: Callable[[Array], Any]) -> Callable[[Any], Array]:
        def apply(x: Any) -> Array:
            parts = np.split(np.broadcast_to(x, (total,)), ends)
            return np.repeat([reduce(part) if part.size else np.nan for part in parts], sizes)

        return apply

    def everything(x: Any) -> Array:
        return np.broadcast_to(x, (total,))

    return {
        "sum": of_each(np.sum),
        "mean": of_each(np.mean),
        "norm": of_each(np.linalg.norm),
        "largest": of_each(np.max),
        "smallest": of_each(np.min),
        "global_sum": lambda x: np.sum(everything(x)),
        "global_norm": lambda x: np.linalg.norm(everything(x)),
    }


class _Elementwise(ast.NodeTransformer):
    """Gives ``and``, ``or``, ``not`` and chained comparisons, outside of ``if``, to NumPy.

    Draws of random numbers get their place among all of the rule's, counted from 1, before a key.
    """

    def __init__(self) -> None:
        self._draws = 0

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in DRAWS:
            self._draws += 1
            node.args = [ast.Constant(self._draws), *node.args]
        return node

    def visit_If(self, node: ast.If) -> ast.If:
        node.body = [self.visit(statement) for statement in node.body]
        node.orelse = [self.visit(statement) for statement in node.orelse]
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.IfExp:
        node.body, node.orelse = self.visit(node.body), self.visit(node.orelse)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        name = "_all" if isinstance(node.op, ast.And) else "_any"
        return _call(name, [self.visit(value) for value in node.values])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        node.operand = self.visit(node.operand)
        return _call("_not", [node.operand]) if isinstance(node.op, ast.Not) else node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        sides = [self.visit(side) for side in (node.left, *node.comparators)]
        pairs = [
            ast.Compare(left, [operator], [right])
            for left, operator, right in zip(sides, node.ops, sides[1:], strict=False)
        ]
        return _call("_all", list(pairs)) if len(pairs) > 1 else pairs[0]


def _call(function: str, arguments: list[ast.expr]) -> ast.expr:
    return ast.Call(ast.Name(function, ast.Load()), arguments, [])


@cache
def _program(text: str) -> CodeType:
    tree = _Elementwise().visit(ast.parse(text))
    return compile(ast.fix_missing_locations(tree), "<rule>", "exec")


def run(text: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """The names after the rule has been run."""
    scope = {**FUNCTIONS, **names}
    with np.errstate(all="ignore"):
        exec(_program(text), scope)
    return scope


def holds(text: str | None, names: Mapping[str, Any]) -> bool:
    """Whether a static or host condition, if there is one, is true."""
    return text is None or bool(eval(text, {**FUNCTIONS, **names}))
