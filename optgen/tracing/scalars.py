"""Numbers of Python that record what is computed with them.

They are floats and ints to all other code. Comparisons are decided at once, by the trace.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Protocol

import torch

from optgen.tracing.graph import Graph, Node


class Recorder(Protocol):
    """What records: a trace."""

    graph: Graph

    def scalar(self, value: float | int, node: Node) -> float | int:
        """A number that records."""

    def node_of(self, value: Any) -> Node:
        """The node of a number or a tensor."""

    def decide(self, condition: Node, outcome: bool) -> bool:
        """Whether a condition holds."""

    def lose(self, node: Node, how: str) -> None:
        """Note that a number goes on as a plain one."""


class Recorded:
    """What both kinds of numbers have."""

    node: Node
    trace: Recorder
    plain: float | int

    def __bool__(self) -> bool:
        return bool(self._compare("!=", 0))

    def __neg__(self) -> Any:
        return self.trace.scalar(-self.plain, self.trace.graph.negative(self.node))

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self.trace.scalar(abs(self.plain), self.trace.graph.combine("abs", self.node))

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __floor__(self) -> Any:
        floor = math.floor(self.plain) if math.isfinite(self.plain) else 0
        return self.trace.scalar(floor, self.trace.graph.combine("floor", self.node))

    def __int__(self) -> int:
        self.trace.lose(self.node, "int() of a number")
        return int(self.plain)

    def __float__(self) -> float:
        self.trace.lose(self.node, "float() of a number")
        return float(self.plain)

    def __trunc__(self) -> int:
        return self.__int__()

    def __round__(self, digits: int | None = None) -> Any:
        self.trace.lose(self.node, "round() of a number")
        return round(self.plain, digits)

    def _combine(self, symbol: str, other: Any, *, swapped: bool = False) -> Any:
        if isinstance(other, torch.Tensor) or not isinstance(other, int | float):
            return NotImplemented
        trace = self.trace
        plains = (self.plain, plain(other))
        nodes = (self.node, trace.node_of(other))
        if swapped:
            plains, nodes = plains[::-1], nodes[::-1]
        value = _computed(_OPERATORS[symbol], *plains)
        if symbol == "//":
            quotient = trace.graph.divide(*nodes)
            return trace.scalar(value, trace.graph.combine("floor", quotient))
        return trace.scalar(value, trace.graph.combine(symbol, *nodes))

    def _compare(self, symbol: str, other: Any) -> Any:
        if isinstance(other, torch.Tensor) or not isinstance(other, int | float):
            return NotImplemented
        node = self.trace.graph.apply(symbol, self.node, self.trace.node_of(other))
        return self.trace.decide(node, bool(_OPERATORS[symbol](self.plain, plain(other))))


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_METHODS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
}
_COMPARED = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


def _arithmetic(symbol: str, *, swapped: bool) -> Callable[[Any, Any], Any]:
    def method(self: Recorded, other: Any) -> Any:
        return self._combine(symbol, other, swapped=swapped)

    return method


def _comparison(symbol: str) -> Callable[[Any, Any], Any]:
    def method(self: Recorded, other: Any) -> Any:
        return self._compare(symbol, other)

    return method


for _name, _symbol in _METHODS.items():
    setattr(Recorded, f"__{_name}__", _arithmetic(_symbol, swapped=False))
    setattr(Recorded, f"__r{_name}__", _arithmetic(_symbol, swapped=True))
for _name, _symbol in _COMPARED.items():
    setattr(Recorded, f"__{_name}__", _comparison(_symbol))


class RecordedFloat(Recorded, float):  # type: ignore[misc]
    """A float that records."""

    def __hash__(self) -> int:
        return hash(self.plain)


class RecordedWhole(RecordedFloat):
    """A whole number that records.

    It is a float, too: ``1.0/n`` of a subclass of int would be computed by floats alone.
    """

    __hash__ = RecordedFloat.__hash__

    def __index__(self) -> int:
        return self.__int__()


def recorded(value: float | int, node: Node, trace: Recorder) -> RecordedFloat:
    """A number with its node."""
    made = RecordedWhole(value) if isinstance(value, int) else RecordedFloat(value)
    made.node, made.trace, made.plain = node, trace, value
    return made


def plain(value: Any) -> Any:
    """The number without its record; other objects as they are."""
    return value.plain if isinstance(value, Recorded) else value


def _computed(function: Callable[..., Any], *values: Any) -> float | int:
    """NaN where there is no value: paths that no run takes are traced too."""
    try:
        value = function(*values)
    except (ArithmeticError, ValueError):
        return math.nan
    return value if isinstance(value, int | float) else math.nan


def computed(function: Callable[..., Any], *values: Any) -> float | int:
    """A function of plain numbers; NaN where it has no value."""
    return _computed(function, *map(plain, values))
