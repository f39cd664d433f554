"""Canonical form of expressions: trees of sums and products.

The form is independent of order, brackets and the spelling of differences, quotients and roots, so
equal rules have equal trees. Each node records its source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, lru_cache, reduce

from optgen.analysis.exact.ranges import number
from optgen.compiler.ir.expression import COMMUTATIVE, NOWHERE, Expression, Name, Number, Operation

#: The origin of a node without a source expression.
NOTHING = Name("", NOWHERE)
NAME, NUMBER = "name", "number"
#: Larger powers of numbers aren't evaluated.
_LARGEST = 64


@dataclass(frozen=True, eq=False)
class Node:
    """An operation on nodes; a ``leaf`` is a name or a number."""

    operator: str
    children: tuple[Node, ...] = ()
    leaf: str | Fraction = ""
    origin: Expression = field(default=NOTHING, repr=False)

    @cached_property
    def size(self) -> int:
        """The number of nodes of the tree."""
        return 1 + sum(child.size for child in self.children)

    @cached_property
    def key(self) -> str:
        """A sort key; equal nodes have equal keys."""
        inner = ",".join(child.key for child in self.children)
        return f"{self.operator}:{self.leaf}({inner})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def walk(self) -> Iterator[Node]:
        """All nodes of the tree, the root included."""
        yield self
        for child in self.children:
            yield from child.walk()


def canonical(expression: Expression) -> Node:
    """The canonical form of an expression."""
    value = number(expression)
    if value is not None:
        return Node(NUMBER, (), value, expression)
    match expression:
        case Name(name):
            return Node(NAME, (), name, expression)
        case Operation(operator, operands):
            found = [canonical(operand) for operand in operands]
            return replace(_operation(operator, found), origin=expression)
        case Number(boolean):
            return Node(NUMBER, (), Fraction(int(boolean)), expression)


def _operation(operator: str, found: list[Node]) -> Node:
    rule = _RULES.get(operator)
    if rule is not None:
        return rule(*found)
    if operator in COMMUTATIVE:
        return _commutative(operator, _flat(operator, found))
    return Node(operator, tuple(found))


@lru_cache(maxsize=1024)
def constant(value: Fraction | int) -> Node:
    """A number as a node; most are 0, 1 and -1."""
    shown = Fraction(value)
    return Node(NUMBER, (), shown, Number(float(shown) if shown.denominator > 1 else int(shown)))


def _flat(operator: str, nodes: Iterable[Node]) -> list[Node]:
    return [
        part for node in nodes for part in (node.children if node.operator == operator else (node,))
    ]


def _commutative(operator: str, nodes: list[Node]) -> Node:
    if len(nodes) == 1:
        return nodes[0]
    return Node(operator, tuple(sorted(nodes, key=lambda node: node.key)))


def add(*nodes: Node) -> Node:
    """A sum: flattened, with one constant, and means in one canonical form."""
    terms = _flat("+", nodes)
    total = sum((Fraction(t.leaf) for t in terms if t.operator == NUMBER), Fraction(0))
    rest = _without_opposites([t for t in terms if t.operator != NUMBER])
    rest = _means(rest)
    if any(term.operator in ("+", NUMBER) for term in rest):
        return add(constant(total), *rest)
    if total or not rest:
        rest.append(constant(total))
    return _commutative("+", rest)


def _without_opposites(terms: list[Node]) -> list[Node]:
    # One of two opposites has a negative factor.
    negative = [term for term in terms if is_negative(term)]
    if not negative:
        return terms
    left = Counter(terms)
    for term in negative:
        opposite = negated(term)
        if left[term] > 0 and left[opposite] > 0:
            left[term] -= 1
            left[opposite] -= 1
    kept = []
    for term in terms:
        if left[term] > 0:
            left[term] -= 1
            kept.append(term)
    return kept


def is_negative(term: Node) -> bool:
    """Whether a term has a negative number as a factor."""
    parts = term.children if term.operator == "*" else (term,)
    return any(part.operator == NUMBER and float(part.leaf) < 0 for part in parts)


def _means(terms: list[Node]) -> list[Node]:
    """The canonical form ``(1 - k)*x + k*y`` of ``x + k*(y - x)``."""
    for term in terms:
        for inner in term.children if term.operator == "*" else ():
            if inner.operator != "+":
                continue
            for other in terms:
                if other is not term and negated(other) in inner.children:
                    share = multiply(*(c for c in term.children if c is not inner))
                    new = add(*(c for c in inner.children if c != negated(other)))
                    rest = [one for one in terms if one is not term and one is not other]
                    kept = multiply(add(constant(1), negated(share)), other)
                    return [*rest, kept, multiply(share, new)]
    return terms


def negated(node: Node) -> Node:
    """The negated node."""
    origin = Operation("neg", (node.origin,), node.origin.location)
    return _from(multiply(constant(-1), node), node, origin)


def _inverse(node: Node) -> Node:
    origin = Operation("/", (Number(1), node.origin), node.origin.location)
    return _from(power(node, constant(-1)), node, origin)


def _from(new: Node, old: Node, origin: Expression) -> Node:
    """The new node with an origin, if the node that it replaces has one."""
    return new if old.origin == NOTHING else replace(new, origin=origin)


def multiply(*nodes: Node) -> Node:
    """A product: flattened, with one constant, and one power per base."""
    factors = _flat("*", nodes)
    scale = Fraction(1)
    powers: dict[Node, Node] = {}
    for factor in factors:
        if factor.operator == NUMBER:
            scale *= Fraction(factor.leaf)
            continue
        base, exponent = factor.children if factor.operator == "**" else (factor, constant(1))
        powers[base] = add(powers[base], exponent) if base in powers else exponent
    if not scale:
        return constant(0)
    rest = [power(base, exponent) for base, exponent in powers.items()]
    rest = [one for one in rest if one != constant(1)]
    if scale != 1 and len(rest) == 1 and rest[0].operator == "+":
        return add(*(multiply(constant(scale), term) for term in rest[0].children))
    if scale != 1 or not rest:
        rest.append(constant(scale))
    return _commutative("*", rest)


def power(base: Node, exponent: Node) -> Node:
    """A power; a power of a product is a product of powers, and nested powers are merged."""
    if exponent == constant(1):
        return base
    if exponent == constant(0):
        return constant(1)
    if exponent.operator == NUMBER:
        value = Fraction(exponent.leaf)
        if base.operator == "*":
            return multiply(*(power(factor, exponent) for factor in base.children))
        if base.operator == "**":
            return power(base.children[0], multiply(base.children[1], exponent))
        is_whole = value.denominator == 1 and abs(value) <= _LARGEST
        if base.operator == NUMBER and Fraction(base.leaf) and is_whole:
            return constant(Fraction(base.leaf) ** int(value))
        if base.operator == "abs" and value % 2 == 0:
            return power(base.children[0], exponent)
    return Node("**", (base, exponent))


def _less(left: Node, right: Node) -> Node:
    return Node("<", (left, right))


def _choice(condition: Node, yes: Node, no: Node) -> Node:
    if condition.operator == "not":
        return _choice(condition.children[0], no, yes)
    if condition.operator == "<=":
        left, right = condition.children
        return _choice(_less(right, left), no, yes)
    return Node("where", (condition, yes, no))


_RULES: Mapping[str, Callable[..., Node]] = {
    "+": add,
    "-": lambda a, b: add(a, negated(b)),
    "neg": negated,
    "*": multiply,
    "/": lambda a, b: multiply(a, _inverse(b)),
    "**": power,
    "sqrt": lambda a: power(a, constant(Fraction(1, 2))),
    ">": lambda a, b: _less(b, a),
    ">=": lambda a, b: Node("<=", (b, a)),
    "where": _choice,
}


def again(node: Node, children: list[Node]) -> Node:
    """The node with new children, in canonical form."""
    rule = {"+": add, "*": multiply, "**": power, "where": _choice}.get(node.operator)
    found = rule(*children) if rule else _operation(node.operator, children)  # type: ignore[operator]
    return replace(found, origin=node.origin)


def spelled(node: Node) -> Expression:
    """The source expression of a node; if it has none, an expression of the same value."""
    if node.origin != NOTHING or not node.children:
        return node.origin
    operands = [spelled(child) for child in node.children]
    if node.operator in ("+", "*", "and", "or", "max", "min"):
        return reduce(lambda a, b: Operation(node.operator, (a, b)), operands)
    return Operation(node.operator, tuple(operands))


def renamed(node: Node, new: Mapping[str, str]) -> Node:
    """The node with renamed leaves, sorted again."""
    if node.operator == NAME:
        name = str(node.leaf)
        return replace(node, leaf=new[name]) if name in new else node
    children = tuple(renamed(child, new) for child in node.children)
    if node.operator in COMMUTATIVE:
        children = tuple(sorted(children, key=lambda child: child.key))
    return replace(node, children=children)


def substituted(node: Node, name: str, value: Node) -> Node:
    """The node after substitution of a name, in canonical form."""
    if node.operator == NAME:
        return value if node.leaf == name else node
    if node.operator == NUMBER:
        return node
    children = [substituted(child, name, value) for child in node.children]
    if list(node.children) == children:
        return node
    return again(node, children)
