"""Expressions of a rule as operations of torch.

Tensors and numbers of Python meet in torch's operators. What is computed from numbers alone is
Python's arithmetic. A matrix keeps its rows and columns as its last two dimensions, and a vector
has one of length 1 for what it doesn't vary over, so that all broadcast.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence

from optgen.compiler.emit.targets.torch.kinds import Kinds
from optgen.compiler.emit.targets.torch.matrices import MatrixNodes
from optgen.compiler.emit.targets.torch.nodes import call, method, number, parsed
from optgen.compiler.emit.targets.torch.reductions import ReductionNodes
from optgen.compiler.ir.expression import (
    COMPARISONS,
    REDUCTIONS,
    Expression,
    Name,
    Number,
    Operation,
)
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.extents import Extents
from optgen.compiler.ir.matrix import MATRIX_CALLS, TRANSPOSE
from optgen.compiler.ir.randomness import DRAWS, counted, key_of, stream_of
from optgen.compiler.ir.reduction import REDUCERS
from optgen.compiler.ir.rule import PARAM

_BINARY: Mapping[str, type[ast.operator]] = {
    "+": ast.Add,
    "-": ast.Sub,
    "*": ast.Mult,
    "/": ast.Div,
    "%": ast.Mod,
    "**": ast.Pow,
}
_COMPARE: Mapping[str, type[ast.cmpop]] = {
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
    "==": ast.Eq,
    "!=": ast.NotEq,
}
#: Functions of numbers and of tensors that have one name in ``math`` and in torch.
_BOTH = frozenset({"sqrt", "exp", "log", "tanh", "atan2", "floor"})
#: Where draws are numbered from: the index of the parameter, and the places of its elements.
INDEX, PLACES = "index", "places"
#: What sums over all parameters are called; more than any rule has.
TOTALS = ("total", *(f"total_{number}" for number in range(2, 1000)))


class Expressions:
    """Makes the trees of expressions; collects the functions that they call.

    ``names`` are the identifiers of names that are spelled otherwise.
    """

    def __init__(
        self, extents: Extents, kinds: Kinds, names: Mapping[str, str], *, narrow: bool
    ) -> None:
        """Products are ``narrow`` where their factors are rounded."""
        self.extents, self.kinds, self._names = extents, kinds, names
        #: Functions that the file must have.
        self.called: set[str] = set()
        #: Parts of sums over all parameters that the statement at hand needs.
        self.parts: list[tuple[str, ast.expr]] = []
        #: What the statement at hand assigns.
        self.target = ""
        self._count = 0
        self._matrices = MatrixNodes(self, narrow=narrow)
        self._reductions = ReductionNodes(self)

    def name(self, name: str) -> str:
        """The identifier of a name."""
        return self._names.get(name, name)

    def function(self, name: str, *arguments: ast.expr) -> ast.expr:
        """A call of a function that the file must have."""
        self.called.add(name)
        return call(name, *arguments)

    def total(self, part: ast.expr) -> ast.expr:
        """The sum over all parameters, under a name that it is yielded to."""
        name = TOTALS[self._count]
        self._count += 1
        self.parts.append((name, part))
        return ast.Name(name)

    def __call__(self, expression: Expression) -> ast.expr:
        """The tree of an expression."""
        match expression:
            case Number(value):
                return number(value)
            case Name(name):
                return parsed(self.name(name))
        operator, operands = expression.operator, expression.operands
        if operator in REDUCTIONS:
            return self._reductions(REDUCERS[operator], operands[0])
        if operator in MATRIX_CALLS or operator == TRANSPOSE:
            return self._matrices(expression)
        if operator in DRAWS:
            return self._drawn(expression)
        return self._elementwise(operator, operands)

    def _elementwise(self, operator: str, operands: Sequence[Expression]) -> ast.expr:
        """The tree of an operation on numbers, and on the elements of tensors."""
        trees = [self(operand) for operand in operands]
        if operator in _BINARY:
            return ast.BinOp(trees[0], _BINARY[operator](), trees[1])
        if operator in COMPARISONS:
            return ast.Compare(trees[0], [_COMPARE[operator]()], [trees[1]])
        if operator == "neg":
            return ast.UnaryOp(ast.USub(), trees[0])
        tensors = [self.kinds.is_tensor(operand) for operand in operands]
        if operator in _BOTH:
            return call(f"{'torch' if any(tensors) else 'math'}.{operator}", *trees)
        if operator == "where" and tensors in ([False, True, False], [False, False, True]):
            number_at = 2 if tensors[1] else 1
            trees[number_at] = self.tensor(
                trees[number_at], self.extents.of(operands[3 - number_at])
            )
        made: Callable[[list[ast.expr], list[bool]], ast.expr] = _OTHERS[operator]
        if operator == "sign" and tensors[0]:
            return self.function("sign", *trees)
        return made(trees, tensors)

    def tensor(self, value: ast.expr, extent: Extent) -> ast.expr:
        """A number as a tensor that holds it for each unit of an extent."""
        param = parsed(PARAM)
        if extent is not Extent.ELEMENT:
            return method(param, "new_tensor", _real(value))
        if ast.unparse(value) in ("0", "0.0"):
            return call("torch.zeros_like", param)
        return call("torch.full_like", param, _real(value))

    def _drawn(self, draw: Operation) -> ast.expr:
        """A random number for each element of the parameter, or of a matrix of another shape."""
        places = parsed(PLACES)
        if self.extents.of(draw) is not Extent.ELEMENT:
            places = self.function("places_of", parsed(self.name(self.target)))
        dtype = parsed(f"{self.name(PARAM)}.dtype")
        index, seed, step = (parsed(self.name(one)) for one in (INDEX, "seed", "step"))
        time = step if (key := key_of(draw)) is None else self(counted(key))
        stream = number(stream_of(draw))
        return self.function(draw.operator, places, dtype, index, seed, time, stream)


def _logical(operator: type[ast.operator], words: type[ast.boolop]) -> Callable[..., ast.expr]:
    def made(trees: list[ast.expr], tensors: list[bool]) -> ast.expr:
        if any(tensors):
            return ast.BinOp(trees[0], operator(), trees[1])
        return ast.BoolOp(words(), trees)

    return made


def _negated(trees: list[ast.expr], tensors: list[bool]) -> ast.expr:
    if tensors[0]:
        return call("torch.logical_not", trees[0])
    return ast.UnaryOp(ast.Not(), trees[0])


def _extreme(name: str, bound: str) -> Callable[..., ast.expr]:
    """The larger or smaller one of two; a bound that is a number stands behind its name."""

    def made(trees: list[ast.expr], tensors: list[bool]) -> ast.expr:
        if all(tensors):
            return call(f"torch.{name}imum", *trees)
        if not any(tensors):
            return call(name, *(part for tree in trees for part in _inside(tree, name)))
        one, other = trees if tensors[0] else reversed(trees)
        return call("torch.clamp", one, **{bound: other})

    return made


def _inside(tree: ast.expr, name: str) -> list[ast.expr]:
    """The arguments of a call of this name; any other tree alone."""
    is_same = isinstance(tree, ast.Call) and ast.unparse(tree.func) == name
    return tree.args if is_same else [tree]  # type: ignore[attr-defined]


def _clipped(trees: list[ast.expr], tensors: list[bool]) -> ast.expr:
    if tensors[0] and tensors[1] == tensors[2]:
        return call("torch.clamp", *trees)
    upper = _extreme("max", "min")(trees[:2], tensors[:2])
    return _extreme("min", "max")([upper, trees[2]], [tensors[0] or tensors[1], tensors[2]])


def _chosen(trees: list[ast.expr], tensors: list[bool]) -> ast.expr:
    """One of two values, by a number or for each element."""
    if not tensors[0]:
        return ast.IfExp(*trees)
    condition, one, other = (_real(tree) for tree in trees)
    if not (tensors[1] or tensors[2]):
        # Two numbers would have torch's default dtype.
        if ast.unparse(one) == "1.0" and ast.unparse(other) == "0.0":
            return method(condition, "to", parsed(f"{PARAM}.dtype"))
        one = method(parsed(PARAM), "new_tensor", one)
    return call("torch.where", condition, one, other)


def _real(tree: ast.expr) -> ast.expr:
    """A literal as one with a point; other trees unchanged."""
    is_whole = isinstance(tree, ast.Constant) and isinstance(tree.value, int)
    return ast.Constant(float(tree.value)) if is_whole else tree  # type: ignore[attr-defined]


def _signed(trees: list[ast.expr], _: list[bool]) -> ast.expr:
    above = ast.Compare(trees[0], [ast.Gt()], [number(0)])
    return ast.BinOp(above, ast.Sub(), ast.Compare(trees[0], [ast.Lt()], [number(0)]))


def _size(trees: list[ast.expr], tensors: list[bool]) -> ast.expr:
    return call("torch.abs" if tensors[0] else "abs", trees[0])


#: Functions whose form depends on which of their operands are tensors.
_OTHERS: Mapping[str, Callable[[list[ast.expr], list[bool]], ast.expr]] = {
    "and": _logical(ast.BitAnd, ast.And),
    "or": _logical(ast.BitOr, ast.Or),
    "not": _negated,
    "max": _extreme("max", "min"),
    "min": _extreme("min", "max"),
    "clip": _clipped,
    "where": _chosen,
    "sign": _signed,
    "abs": _size,
}
