"""Linear forms of sums, and quotients with a common denominator.

Values that vary by step and element are variables; the rest are coefficients.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from optgen.analysis.compare.canonical_form import (
    NUMBER,
    Node,
    add,
    again,
    constant,
    multiply,
    power,
)


def collected(node: Node, moving: frozenset[str]) -> Node:
    """The node with each sum as a linear form in the ``moving`` names.

    Each form contains the coefficient of a product of moving names once.
    """
    if not node.children:
        return node
    found = again(node, [collected(child, moving) for child in node.children])
    if found.operator == "*":
        still, moved = _split(found, moving)
        if still and len(moved) == 1 and moved[0].operator == "+":
            parts = [multiply(*still, term) for term in moved[0].children]
            return replace(collected(add(*parts), moving), origin=node.origin)
    if found.operator != "+":
        return found
    groups: dict[Node, list[Node]] = {}
    for term in found.children:
        groups.setdefault(multiply(*_split(term, moving)[1]), []).append(term)
    if all(len(terms) == 1 for terms in groups.values()) or len(groups) == 1:
        return found
    terms = [
        multiply(add(*(multiply(*_split(term, moving)[0]) for term in terms)), rest)
        if len(terms) > 1 and rest != constant(1)
        else add(*terms)
        for rest, terms in groups.items()
    ]
    return replace(add(*terms), origin=node.origin)


def cleared(node: Node, moving: frozenset[str]) -> Node:
    """The node with quotients by factors free of ``moving`` names moved out of denominators.

    It applies to denominators that are sums.
    """
    if not node.children:
        return node
    found = again(node, [cleared(child, moving) for child in node.children])
    if found.operator != "**" or found.children[0].operator != "+":
        return found
    base, exponent = found.children
    below = {
        factor: None
        for term in base.children
        for factor in _split(term, moving)[0]
        if factor.operator == "**" and _is_negative(factor.children[1])
    }
    if not below or not _is_negative(exponent):
        return found
    common = multiply(*(power(factor, constant(-1)) for factor in below))
    whole = collected(add(*(multiply(common, term) for term in base.children)), moving)
    outside = power(common, multiply(constant(-1), exponent))
    return replace(multiply(power(whole, exponent), outside), origin=node.origin)


def _is_negative(node: Node) -> bool:
    return node.operator == NUMBER and Fraction(node.leaf) < 0


def _split(term: Node, moving: frozenset[str]) -> tuple[list[Node], list[Node]]:
    """The factors of a term without and with ``moving`` names."""
    factors = term.children if term.operator == "*" else (term,)
    moves = [any(part.leaf in moving for part in one.walk()) for one in factors]
    still = [one for one, moved in zip(factors, moves, strict=True) if not moved]
    return still, [one for one, moved in zip(factors, moves, strict=True) if moved]
