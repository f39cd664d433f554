"""Square matrices that are symmetric, and positive semidefinite ones: which states always are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from optgen.analysis.exact.bounds import bounds
from optgen.analysis.exact.interval import Interval
from optgen.analysis.exact.matrix_facts import FACTS
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, text, walk
from optgen.compiler.ir.extent import SQUARES, Extent
from optgen.compiler.ir.extents import Extents
from optgen.compiler.ir.matrix import GRAM, INVERSE_ROOT, PRODUCT, TRANSPOSE
from optgen.compiler.ir.problem import Location
from optgen.compiler.ir.proof import Finding, Group, Verdict


@dataclass(frozen=True)
class Squares:
    """Proofs about squares, given which states are symmetric and semidefinite."""

    extents: Extents
    known: Mapping[str, Interval]
    parts: Mapping[str, Expression] = field(default_factory=dict)
    symmetric: frozenset[str] = frozenset()
    semidefinite: frozenset[str] = frozenset()

    def is_semidefinite(self, square: Expression) -> bool:
        """Whether a square is proved to be symmetric and positive semidefinite."""
        if isinstance(square, Name) and square.id in self.parts:
            return self.is_semidefinite(self.parts[square.id])
        match square:
            case Number(value):
                return value == 0
            case Name(name):
                return name in self.semidefinite
            case Operation("+", operands) | Operation("where", (_, *operands)):
                return all(map(self.is_semidefinite, operands))
            case Operation("*", (a, b)):
                return any(
                    self.is_semidefinite(one) and (self._is_scale(two) or self.is_semidefinite(two))
                    for one, two in ((a, b), (b, a))
                )
            case Operation("/", (one, number)):
                return self.is_semidefinite(one) and self._is_scale(number)
        return self._is_product(square)

    def _is_scale(self, number: Expression) -> bool:
        """Whether it is one number of a matrix, and never negative."""
        return self._is_number(number) and bounds(number, self.known).is_nonnegative

    def _is_number(self, number: Expression) -> bool:
        return self.extents.of(number) <= Extent.MATRIX

    def _is_product(self, square: Expression) -> bool:
        """Products of a matrix and its transpose, also around a semidefinite square."""
        match square:
            case Operation(operator) if operator == GRAM:
                return True
            case Operation(operator, (one, *_)) if operator == INVERSE_ROOT:
                return self.is_semidefinite(one)
            case Operation(operator, (Operation(inner, (a, b)), c)) if (
                operator == inner == PRODUCT and _are_transposes(a, c)
            ):
                return self.is_semidefinite(b)
            case Operation(operator, (a, b)) if operator == PRODUCT:
                return _are_transposes(a, b) or (a == b and self.is_symmetric(a))
        return False

    def is_symmetric(self, square: Expression) -> bool:
        """Whether a square is proved to be symmetric."""
        if isinstance(square, Name) and square.id in self.parts:
            return self.is_symmetric(self.parts[square.id])
        match square:
            case Name(name) if name in self.symmetric:
                return True
            case Operation("where", (_, yes, no)):
                return self.is_symmetric(yes) and self.is_symmetric(no)
            case Operation(operator, operands) if operator in _OF_ELEMENTS:
                return all(self._is_number(one) or self.is_symmetric(one) for one in operands)
        return self.is_semidefinite(square)


_OF_ELEMENTS = frozenset({"+", "-", "*", "/", "neg", "**", "sqrt", "abs"})


def _are_transposes(one: Expression, other: Expression) -> bool:
    def transposed(a: Expression, b: Expression) -> bool:
        return isinstance(a, Operation) and a.operator == TRANSPOSE and a.operands == (b,)

    return transposed(one, other) or transposed(other, one)


def squares(variant: Variant) -> Squares:
    """The states that begin at 0 and that each step keeps symmetric, or semidefinite."""
    extents = Extents(variant.states, variant.assignments)
    begin = {s.name for s in variant.states if s.extent in SQUARES and s.initial == 0}
    found = Squares(extents, variant.known, variant.parts, frozenset(begin), frozenset(begin))
    while True:
        values = {name: variant.values.get(name, Name(name)) for name in begin}
        symmetric = frozenset(n for n in found.symmetric if found.is_symmetric(values[n]))
        semidefinite = frozenset(n for n in found.semidefinite if found.is_semidefinite(values[n]))
        if (symmetric, semidefinite) == (found.symmetric, found.semidefinite):
            return found
        found = Squares(extents, variant.known, variant.parts, symmetric, semidefinite)


def kept_squares(variant: Variant) -> Iterator[Finding]:
    """A finding for each state that is proved to stay symmetric or semidefinite."""
    found = squares(variant)
    for state in variant.states:
        if state.name in found.symmetric:
            what = _SEMIDEFINITE if state.name in found.semidefinite else _SYMMETRIC
            where = state.location, variant.label, _KEPT
            yield Finding(Group.INVARIANT, f"{state.name} is {what} always", Verdict.PROVED, *where)


def square_operands(variant: Variant) -> Iterator[Finding]:
    """A finding for each operand of a function that needs a symmetric or semidefinite square."""
    found = squares(variant)
    holds: dict[Location, bool] = {}
    for value in (*variant.parts.values(), *variant.values.values()):
        for part in _needing(value):
            proved = _proof(found, part)(part.operands[0])
            holds[part.location] = proved and holds.get(part.location, True)
    for step in variant.assignments:
        for part in _needing(step.expression):
            if part.location in holds:
                yield _finding(variant, part, step.location, holds=holds[part.location])


def _needing(value: Expression) -> Iterator[Operation]:
    for part in walk(value):
        facts = FACTS.get(part.operator) if isinstance(part, Operation) else None
        if facts is not None and (facts.of_symmetric or facts.of_semidefinite):
            assert isinstance(part, Operation)
            yield part


def _proof(found: Squares, part: Operation) -> Callable[[Expression], bool]:
    return found.is_symmetric if FACTS[part.operator].of_symmetric else found.is_semidefinite


def _finding(variant: Variant, part: Operation, location: Location, *, holds: bool) -> Finding:
    what = _SYMMETRIC if FACTS[part.operator].of_symmetric else _SEMIDEFINITE
    statement = f"{text(part)} is defined: {text(part.operands[0])} is {what}"
    where = part.location if part.location.line else location, variant.label
    if holds:
        return Finding(Group.DOMAIN, statement, Verdict.PROVED, *where, "by what it is made of")
    reason = "it isn't known to be: products of a matrix and its transpose are, and their sums"
    return Finding(Group.DOMAIN, statement, Verdict.UNDECIDED, *where, reason)


_SYMMETRIC, _SEMIDEFINITE = "symmetric", "symmetric and positive semidefinite"
_KEPT = "kept from the start on by each step, as was inferred"
