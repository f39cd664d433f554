"""Guards: Boolean functions of static conditions, in disjunctive normal form.

A condition is a tuple of cases, any of which suffices; a case is a tuple of literals, all of which
must hold; a literal is the text of a static condition with its required value. The literals of a
case keep the order of the nested ``if`` lines of the spec.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

#: More cases than any readable rule has, in the result and in intermediate steps; the bounds limit
#: the cost of hostile specs.
MOST_CASES, MOST_UNTIDY = 64, 512
#: So many results of each operation are kept.
_REMEMBERED = 1 << 14

Literal = tuple[str, bool]
Case = tuple[Literal, ...]
Cases = tuple[Case, ...]


class TooManyCasesError(ValueError):
    """A condition whose normal form has more cases than ``MOST_CASES``."""


@dataclass(frozen=True)
class Condition:
    """True if one of its cases holds. ``ALWAYS`` has one empty case, ``NEVER`` has none."""

    cases: Cases

    @classmethod
    def of(cls, atom: str, holds: bool = True) -> Condition:
        """The condition that one static condition has the given value."""
        return cls((((atom, holds),),))

    @property
    def atoms(self) -> tuple[str, ...]:
        """The static conditions that it depends on, in order of appearance."""
        return tuple(dict.fromkeys(atom for case in self.cases for atom, _ in case))

    def __and__(self, other: Condition) -> Condition:
        return _both(self.cases, other.cases)

    def __or__(self, other: Condition) -> Condition:
        return _either(self.cases, other.cases)

    def __invert__(self) -> Condition:
        return _tidy(islice(_complement(self.cases), MOST_UNTIDY + 1))

    def implies(self, other: Condition) -> bool:
        """Whether the other condition holds whenever this one does."""
        return _implies(self.cases, other.cases)

    def given(self, known: Case) -> Condition:
        """The remaining condition, given the literals of ``known``."""
        return _tidy(_known(self.cases, known))

    def holds(self, values: dict[str, bool]) -> bool:
        """The truth value, given a value for each static condition."""
        return any(all(values[atom] == want for atom, want in case) for case in self.cases)


ALWAYS = Condition(((),))
NEVER = Condition(())

# Rules have the same features, and so the same conditions again and again.


@lru_cache(_REMEMBERED)
def _both(left: Cases, right: Cases) -> Condition:
    joined = (_join(one, other) for one in left for other in right)
    return _tidy(case for case in joined if case is not None)


@lru_cache(_REMEMBERED)
def _either(left: Cases, right: Cases) -> Condition:
    return _tidy((*left, *right))


@lru_cache(_REMEMBERED)
def _implies(left: Cases, right: Cases) -> bool:
    return all(_certain(_known(right, case)) for case in left)


def _join(left: Case, right: Case) -> Case | None:
    values = dict(left)
    for atom, holds in right:
        if values.setdefault(atom, holds) != holds:
            return None
    return tuple(values.items())


def _known(cases: Sequence[Case], known: Case) -> list[Case]:
    """The cases that are consistent with known literals, without those literals."""
    values = dict(known)
    return [
        tuple(literal for literal in case if literal[0] not in values)
        for case in cases
        if all(values.get(atom, holds) == holds for atom, holds in case)
    ]


def _certain(cases: Sequence[Case]) -> bool:
    """Whether one of the cases holds for every assignment of the literals."""
    if not all(cases):
        return True
    longest = max(map(len, cases), default=0)
    # A case of n literals covers one in 2**n settings; the sum of these shares bounds the coverage.
    if sum(1 << (longest - len(case)) for case in cases) < 1 << longest:
        return False
    atom = min(cases, key=len)[0][0]
    return all(_certain(_known(cases, ((atom, holds),))) for holds in (True, False))


def _complement(cases: Sequence[Case]) -> Iterator[Case]:
    """The settings in which no case holds, found by a decision on one literal after another."""
    if not cases:
        yield ()
    elif all(cases):
        atom = cases[0][0][0]
        for holds in (False, True):
            for rest in _complement(_known(cases, ((atom, holds),))):
                yield ((atom, holds), *rest)


def _tidy(cases: Iterable[Case]) -> Condition:
    """Drop cases that others cover, and literals that are redundant because of other cases."""
    kept, changed = list(cases), True
    while changed:
        unique: dict[frozenset[Literal], Case] = {}
        for case in kept:
            unique.setdefault(frozenset(case), case)
        if len(unique) > MOST_UNTIDY:
            raise TooManyCasesError
        kept = [
            case
            for literals, case in unique.items()
            if not any(other < literals for other in unique)
        ]
        changed = _shorten(kept)
    if len(kept) > MOST_CASES:
        raise TooManyCasesError
    return Condition(tuple(kept))


def _shorten(cases: list[Case]) -> bool:
    """Drop literals that resolve with another case; return whether any was dropped."""
    sets = [frozenset(case) for case in cases]
    shortened = False
    for position, literals in enumerate(sets):
        atom = _superfluous(literals, sets)
        if atom:
            cases[position] = tuple(one for one in cases[position] if one[0] != atom)
            sets[position] = frozenset(cases[position])
            shortened = True
    return shortened


def _superfluous(literals: frozenset[Literal], others: Iterable[frozenset[Literal]]) -> str:
    for other in others:
        extra = other - literals
        if len(extra) == 1:
            ((atom, holds),) = extra
            if (atom, not holds) in literals:
                return atom
    return ""
