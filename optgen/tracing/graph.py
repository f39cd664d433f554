"""The values of a traced step: a graph in which equal values are one node.

The operators and functions are those of the spec language. A node is made once, so values compare
by identity, and its number tells the order in which values were computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne

from optgen.compiler.ir.expression import COMPARISONS, LOGICAL, REDUCTIONS

NUMBER, NAME = "number", "name"
#: The comparisons of numbers.
COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "==": eq,
    "!=": ne,
}
#: What is in the names of values that each element has its own of.
ELEMENT = ":"


@dataclass(frozen=True, eq=False)
class Node:
    """A number, a name, or an operation on other nodes."""

    operator: str
    operands: tuple[Node, ...]
    value: float | int | str
    #: The place among all nodes of a graph, operands first.
    number: int
    #: Whether it has one value for each element of a variable.
    has_elements: bool

    @property
    def is_number(self) -> bool:
        """Whether it is a literal."""
        return self.operator == NUMBER

    @property
    def is_condition(self) -> bool:
        """Whether its values are true and false."""
        if self.operator == "where":
            return self.operands[1].is_condition
        return self.operator in COMPARISONS | LOGICAL


def walk(*nodes: Node) -> Iterator[Node]:
    """The nodes and all that they are computed from, once each."""
    waiting, seen = list(nodes), set[int]()
    while waiting:
        node = waiting.pop()
        if node.number not in seen:
            seen.add(node.number)
            yield node
            waiting += node.operands


def names_of(*nodes: Node) -> set[str]:
    """Every name that the nodes are computed from."""
    return {str(node.value) for node in walk(*nodes) if node.operator == NAME}


class Graph:
    """Makes nodes, with the simplifications that need no proof."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], Node] = {}

    def _node(self, operator: str, operands: tuple[Node, ...], value: float | int | str) -> Node:
        # 1 and 1.0 are one number, and 0.0 and -0.0 aren't.
        key = (operator, *(one.number for one in operands), repr(value))
        if key not in self._made:
            many = any(one.has_elements for one in operands) and operator not in REDUCTIONS
            many |= operator == NAME and ELEMENT in str(value)
            self._made[key] = Node(operator, operands, value, len(self._made), many)
        return self._made[key]

    def name(self, name: str) -> Node:
        """A name, such as that of a state; of many values if a colon is in it."""
        return self._node(NAME, (), name)

    def number(self, value: float | int) -> Node:
        """A literal."""
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
        return self._node(NUMBER, (), int(value) if whole else +value)

    def apply(self, operator: str, *operands: Node) -> Node:
        """An operation as it is, without simplification."""
        return self._node(operator, operands, "")

    def combine(self, operator: str, *operands: Node) -> Node:
        """An operation, simplified."""
        simplify: dict[str, Callable[..., Node]] = {
            "+": self.add,
            "-": self.subtract,
            "*": self.multiply,
            "/": self.divide,
            "**": self.power,
            "neg": self.negative,
            "where": self.where,
        }
        if operator in simplify:
            return simplify[operator](*operands)
        if operator not in COMPARISONS | LOGICAL:
            operands = tuple(map(self.numeric, operands))
        return self.apply(operator, *operands)

    def numeric(self, node: Node) -> Node:
        """A condition as 1 or 0; numbers as they are."""
        if not node.is_condition:
            return node
        return self.apply("where", node, self.number(1), self.number(0))

    def negative(self, one: Node) -> Node:
        """The node times -1."""
        one = self.numeric(one)
        if one.is_number:
            return self.number(-_value(one))
        if one.operator == "neg":
            return one.operands[0]
        if one.operator == "-":
            return self.apply("-", one.operands[1], one.operands[0])
        return self.apply("neg", one)

    def add(self, one: Node, other: Node) -> Node:
        """A sum."""
        one, other = self.numeric(one), self.numeric(other)
        if one.is_number and other.is_number:
            return self.number(_value(one) + _value(other))
        if _is(one, 0):
            return other
        if _is(other, 0):
            return one
        if other.operator == "neg":
            return self.subtract(one, other.operands[0])
        if other.is_number and _value(other) < 0:
            return self.subtract(one, self.number(-_value(other)))
        if one.operator == "neg":
            return self.subtract(other, one.operands[0])
        shifted = self._shifted(one, other, 1)
        return shifted or self.apply("+", one, other)

    def subtract(self, one: Node, other: Node) -> Node:
        """A difference."""
        one, other = self.numeric(one), self.numeric(other)
        if one.is_number and other.is_number:
            return self.number(_value(one) - _value(other))
        if _is(other, 0):
            return one
        if _is(one, 0):
            return self.negative(other)
        if other.operator == "neg":
            return self.add(one, other.operands[0])
        if other.is_number and _value(other) < 0:
            return self.add(one, self.number(-_value(other)))
        if one is other:
            return self.number(0)
        shifted = self._shifted(one, other, -1)
        return shifted or self.apply("-", one, other)

    def _shifted(self, one: Node, other: Node, sign: int) -> Node | None:
        """``step - 1 + 1`` as ``step``: whole numbers only, whose sums are exact."""
        if one.operator not in ("+", "-") or not (other.is_number and one.operands[1].is_number):
            return None
        inner, outer = _value(one.operands[1]), _value(other)
        if not (isinstance(inner, int) and isinstance(outer, int)):
            return None
        total = (inner if one.operator == "+" else -inner) + sign * outer
        return self.add(one.operands[0], self.number(total))

    def multiply(self, one: Node, other: Node) -> Node:
        """A product; a condition times a number is 0 where it doesn't hold."""
        for factor, rest in ((one, other), (other, one)):
            if factor.is_condition:
                return self.where(factor, self.numeric(rest), self.number(0))
            if factor.is_number and factor.value in (0, 1, -1):
                return {0: factor, 1: rest, -1: self.negative(rest)}[int(_value(factor))]
            if factor.operator == "neg":
                return self.negative(self.multiply(factor.operands[0], rest))
        if one.is_number and other.is_number:
            return self.number(_value(one) * _value(other))
        if one is other:
            return self.power(one, self.number(2))
        if other.is_number or (one.has_elements and not other.has_elements):
            one, other = other, one
        return self.apply("*", one, other)

    def divide(self, one: Node, other: Node) -> Node:
        """A quotient."""
        one, other = self.numeric(one), self.numeric(other)
        if _is(other, 1) or _is(one, 0):
            return one
        if one.is_number and other.is_number and _value(other):
            return self.number(_value(one) / _value(other))
        if one.operator == "neg":
            return self.negative(self.divide(one.operands[0], other))
        return self.apply("/", one, other)

    def power(self, one: Node, exponent: Node) -> Node:
        """A power; that of a half is a root."""
        one, exponent = self.numeric(one), self.numeric(exponent)
        if _is(exponent, 1):
            return one
        if _is(exponent, 0.5):
            return self.apply("sqrt", one)
        if _is(exponent, -0.5):
            return self.divide(self.number(1), self.apply("sqrt", one))
        if _is(exponent, -1):
            return self.divide(self.number(1), one)
        if _is(exponent, 2) and one.operator == "sqrt":
            return one.operands[0]
        return self.apply("**", one, exponent)

    def where(self, condition: Node, one: Node, other: Node) -> Node:
        """A choice between two values."""
        if one is other:
            return one
        if condition.operands and all(part.is_number for part in condition.operands):
            holds = COMPARED[condition.operator](*map(_value, condition.operands))
            return one if holds else other
        if one.is_condition != other.is_condition:
            one, other = self.numeric(one), self.numeric(other)
        return self.apply("where", condition, one, other)

    def choice(self, condition: Node, one: Node, other: Node) -> Node:
        """``where``, moved inwards to the operand in which two values differ."""
        if one is other:
            return one
        alike = one.operator == other.operator not in (NUMBER, NAME)
        if alike and len(one.operands) == len(other.operands):
            pairs = list(zip(one.operands, other.operands, strict=True))
            unlike = [k for k, (a, b) in enumerate(pairs) if a is not b]
            if len(unlike) == 1 and not pairs[unlike[0]][0].is_condition:
                operands = list(one.operands)
                operands[unlike[0]] = self.choice(condition, *pairs[unlike[0]])
                return self.combine(one.operator, *operands)
        return self.where(condition, one, other)

    def substitute(self, node: Node, values: Mapping[str, Node]) -> Node:
        """The node with names replaced by other nodes."""
        done: dict[int, Node] = {}
        for part in sorted(walk(node), key=lambda one: one.number):
            if part.operator == NAME:
                done[part.number] = values.get(str(part.value), part)
            elif part.is_number:
                done[part.number] = part
            else:
                operands = [done[one.number] for one in part.operands]
                changed = any(a is not b for a, b in zip(operands, part.operands, strict=True))
                done[part.number] = self.combine(part.operator, *operands) if changed else part
        return done[node.number]


def _value(node: Node) -> float | int:
    assert not isinstance(node.value, str)
    return node.value


def _is(node: Node, value: float) -> bool:
    return node.is_number and node.value == value
