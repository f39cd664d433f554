"""Torch's operations on elements, as operations of the spec language.

Each function has torch's arguments, as nodes, and is known by torch's name without underscores.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from optgen.tracing.graph import Graph, Node

Operation = Callable[..., Node]
OPERATIONS: dict[str, Operation] = {}


def operation(*names: str) -> Callable[[Operation], Operation]:
    """Enter a function under torch's names."""

    def enter(function: Operation) -> Operation:
        OPERATIONS.update(dict.fromkeys(names, function))
        return function

    return enter


def _same(symbol: str, *names: str) -> None:
    def function(graph: Graph, *operands: Node) -> Node:
        return graph.combine(symbol, *operands)

    OPERATIONS.update(dict.fromkeys(names, function))


def _compared(symbol: str, *names: str) -> None:
    def function(graph: Graph, input: Node, other: Node) -> Node:  # noqa: A002
        return graph.apply(symbol, graph.numeric(input), graph.numeric(other))

    OPERATIONS.update(dict.fromkeys(names, function))


_same("neg", "neg", "negative")
_same("sqrt", "sqrt")
_same("abs", "abs", "absolute")
_same("exp", "exp")
_same("log", "log")
_same("tanh", "tanh")
_same("floor", "floor")
_same("atan2", "atan2", "arctan2")
_same("sign", "sign", "sgn")
_same("max", "maximum", "fmax")
_same("min", "minimum", "fmin")
_same("%", "remainder", "mod")
_compared("<", "lt", "less")
_compared("<=", "le", "less_equal")
_compared(">", "gt", "greater")
_compared(">=", "ge", "greater_equal")
_compared("==", "eq")
_compared("!=", "ne", "not_equal")


@operation("add", "radd", "iadd")
def _add(graph: Graph, input: Node, other: Node, alpha: Node | None = None) -> Node:  # noqa: A002
    return graph.add(input, other if alpha is None else graph.multiply(alpha, other))


@operation("sub", "subtract", "isub")
def _sub(graph: Graph, input: Node, other: Node, alpha: Node | None = None) -> Node:  # noqa: A002
    return graph.subtract(input, other if alpha is None else graph.multiply(alpha, other))


@operation("rsub")
def _rsub(graph: Graph, input: Node, other: Node, alpha: Node | None = None) -> Node:  # noqa: A002
    return _sub(graph, other, input, alpha)


@operation("mul", "multiply", "rmul", "imul")
def _mul(graph: Graph, input: Node, other: Node) -> Node:  # noqa: A002
    return graph.multiply(input, other)


@operation("div", "divide", "true_divide", "truediv", "itruediv")
def _div(graph: Graph, input: Node, other: Node, rounding_mode: Any = None) -> Node:  # noqa: A002
    quotient = graph.divide(input, other)
    return quotient if rounding_mode is None else graph.combine("floor", quotient)


@operation("rdiv", "rtruediv")
def _rdiv(graph: Graph, input: Node, other: Node) -> Node:  # noqa: A002
    return graph.divide(other, input)


@operation("floor_divide", "floordiv")
def _floor_divide(graph: Graph, input: Node, other: Node) -> Node:  # noqa: A002
    return graph.combine("floor", graph.divide(input, other))


@operation("pow", "ipow")
def _pow(graph: Graph, input: Node, exponent: Node) -> Node:  # noqa: A002
    return graph.power(input, exponent)


@operation("rpow")
def _rpow(graph: Graph, input: Node, other: Node) -> Node:  # noqa: A002
    return graph.power(other, input)


@operation("addcmul")
def _addcmul(
    graph: Graph,
    input: Node,  # noqa: A002
    tensor1: Node,
    tensor2: Node,
    value: Node | None = None,
) -> Node:
    if value is not None and tensor1 is tensor2:
        return graph.add(input, graph.multiply(value, graph.multiply(tensor1, tensor2)))
    scaled = tensor1 if value is None else graph.multiply(value, tensor1)
    return graph.add(input, graph.multiply(scaled, tensor2))


@operation("addcdiv")
def _addcdiv(
    graph: Graph,
    input: Node,  # noqa: A002
    tensor1: Node,
    tensor2: Node,
    value: Node | None = None,
) -> Node:
    scaled = tensor1 if value is None else graph.multiply(value, tensor1)
    return graph.add(input, graph.divide(scaled, tensor2))


@operation("lerp")
def _lerp(graph: Graph, input: Node, end: Node, weight: Node) -> Node:  # noqa: A002
    one = graph.number(1)
    # Written as running means are: the weight of the past comes first.
    kept = graph.subtract(one, weight)
    if weight.operator == "-" and weight.operands[0] is one:
        kept = weight.operands[1]
    return graph.add(graph.multiply(kept, input), graph.multiply(weight, end))


@operation("square")
def _square(graph: Graph, input: Node) -> Node:  # noqa: A002
    return graph.power(input, graph.number(2))


@operation("rsqrt")
def _rsqrt(graph: Graph, input: Node) -> Node:  # noqa: A002
    return graph.divide(graph.number(1), graph.combine("sqrt", input))


@operation("reciprocal")
def _reciprocal(graph: Graph, input: Node) -> Node:  # noqa: A002
    return graph.divide(graph.number(1), input)


@operation("sigmoid")
def _sigmoid(graph: Graph, input: Node) -> Node:  # noqa: A002
    one = graph.number(1)
    power = graph.combine("exp", graph.negative(input))
    return graph.divide(one, graph.add(one, power))


@operation("atan", "arctan")
def _atan(graph: Graph, input: Node) -> Node:  # noqa: A002
    return graph.combine("atan2", input, graph.number(1))


@operation("relu")
def _relu(graph: Graph, input: Node) -> Node:  # noqa: A002
    return graph.combine("max", input, graph.number(0))


@operation("log1p")
def _log1p(graph: Graph, input: Node) -> Node:  # noqa: A002
    return graph.combine("log", graph.add(graph.number(1), input))


@operation("hypot")
def _hypot(graph: Graph, input: Node, other: Node) -> Node:  # noqa: A002
    return graph.combine("sqrt", graph.add(_square(graph, input), _square(graph, other)))


@operation("clamp", "clip", "clamp_min", "clamp_max")
def _clamp(
    graph: Graph,
    input: Node,  # noqa: A002
    min: Node | None = None,  # noqa: A002
    max: Node | None = None,  # noqa: A002
) -> Node:
    # In torch's order: the upper bound counts where both can't hold.
    low = input if min is None else graph.combine("max", input, min)
    return low if max is None else graph.combine("min", low, max)


@operation("where")
def _where(graph: Graph, condition: Node, input: Node, other: Node) -> Node:  # noqa: A002
    return graph.where(condition, input, other)


@operation("masked_fill")
def _masked_fill(graph: Graph, input: Node, mask: Node, value: Node) -> Node:  # noqa: A002
    return graph.where(mask, value, input)


@operation("copy")
def _copy(graph: Graph, input: Node, src: Node, non_blocking: Any = None) -> Node:  # noqa: A002
    return graph.numeric(src)


@operation("fill")
def _fill(graph: Graph, input: Node, value: Node) -> Node:  # noqa: A002
    return value


@operation("zero")
def _zero(graph: Graph, input: Node) -> Node:  # noqa: A002
    return graph.number(0)


def _logical(symbol: str, *names: str) -> None:
    def function(graph: Graph, *operands: Node) -> Node:
        zero = graph.number(0)
        held = [one if one.is_condition else graph.apply("!=", one, zero) for one in operands]
        return graph.apply(symbol, *held)

    OPERATIONS.update(dict.fromkeys(names, function))


_logical("and", "logical_and", "bitwise_and", "and", "iand")
_logical("or", "logical_or", "bitwise_or", "or", "ior")
_logical("not", "logical_not", "bitwise_not", "invert")


@operation("isnan")
def _isnan(graph: Graph, input: Node) -> Node:  # noqa: A002
    return graph.apply("!=", input, input)


def reduction(graph: Graph, name: str, node: Node, size: Node, degree: float = 2) -> Node | None:
    """A reduction over all elements of a tensor; None for one that the language hasn't."""
    if name in ("any", "all"):
        held = graph.apply("largest" if name == "any" else "smallest", graph.numeric(node))
        return graph.apply(">", held, graph.number(0))
    node = graph.numeric(node)
    if name == "norm":
        return _norm(graph, node, degree)
    if name in ("var", "std"):
        mean = graph.apply("mean", node)
        squares = graph.apply("sum", _square(graph, graph.subtract(node, mean)))
        variance = graph.divide(squares, graph.subtract(size, graph.number(1)))
        return variance if name == "var" else graph.combine("sqrt", variance)
    known = {"sum": "sum", "mean": "mean", "max": "largest", "min": "smallest"}
    known |= {"amax": "largest", "amin": "smallest"}
    return graph.apply(known[name], node) if name in known else None


def _norm(graph: Graph, node: Node, degree: float) -> Node | None:
    if degree == 2:
        return graph.apply("norm", node)
    if degree == 1:
        return graph.apply("sum", graph.combine("abs", node))
    if degree == math.inf:
        return graph.apply("largest", graph.combine("abs", node))
    if degree == 0 or math.isinf(degree):
        return None
    powers = graph.apply("sum", graph.power(graph.combine("abs", node), graph.number(degree)))
    return graph.power(powers, graph.number(1 / degree))
