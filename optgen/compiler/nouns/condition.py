"""When a step is taken: a Boolean function of static conditions, in disjunctive normal form.

A condition is a tuple of cases, of which any may hold; a case is a tuple of literals, which
must all hold; a literal is the text of a static condition and the value it must have. The
literals of a case keep the order of the nested ``if`` lines that they came from.
"""

from __future__ import annotations

from dataclasses import dataclass

#: More cases than any readable rule has; the bound keeps hostile specs cheap.
MOST_CASES = 64

Literal = tuple[str, bool]
Case = tuple[Literal, ...]


class TooManyCasesError(ValueError):
    """A condition that falls into more cases than ``MOST_CASES``."""


@dataclass(frozen=True)
class Condition:
    """True when one of its cases holds. ``ALWAYS`` has one empty case, ``NEVER`` has none."""

    cases: tuple[Case, ...]

    @classmethod
    def of(cls, atom: str, holds: bool = True) -> Condition:
        """The condition that one static condition has the given value."""
        return cls((((atom, holds),),))

    @property
    def atoms(self) -> tuple[str, ...]:
        """The static conditions that it depends on, in order of appearance."""
        return tuple(dict.fromkeys(atom for case in self.cases for atom, _ in case))

    def __and__(self, other: Condition) -> Condition:
        joined = (_join(left, right) for left in self.cases for right in other.cases)
        return _tidy(case for case in joined if case is not None)

    def __or__(self, other: Condition) -> Condition:
        return _tidy((*self.cases, *other.cases))

    def __invert__(self) -> Condition:
        result = ALWAYS
        for case in self.cases:
            flipped = (((atom, not holds),) for atom, holds in case)
            # Later literals are negated only where the earlier ones hold: cases stay disjoint.
            parts = [(*case[:position], *flip) for position, flip in enumerate(flipped)]
            result &= Condition(tuple(parts))
        return result

    def implies(self, other: Condition) -> bool:
        """Whether the other condition holds wherever this one does."""
        return not (self & ~other).cases

    def given(self, known: Case) -> Condition:
        """What is left to ask once the literals of ``known`` hold."""
        kept = (
            tuple(literal for literal in case if literal not in known)
            for case in self.cases
            if not any((atom, not holds) in known for atom, holds in case)
        )
        return _tidy(kept)

    def holds(self, values: dict[str, bool]) -> bool:
        """Its value once every static condition has one."""
        return any(all(values[atom] == want for atom, want in case) for case in self.cases)


ALWAYS = Condition(((),))
NEVER = Condition(())


def _join(left: Case, right: Case) -> Case | None:
    values = dict(left)
    for atom, holds in right:
        if values.setdefault(atom, holds) != holds:
            return None
    return tuple(values.items())


def _tidy(cases: object) -> Condition:
    """Drop cases that others cover and join pairs that differ in one literal's value."""
    kept: list[Case] = list(dict.fromkeys(cases))  # type: ignore[call-overload]
    changed = True
    while changed:
        if len(kept) > MOST_CASES:
            raise TooManyCasesError
        changed = False
        kept = [
            case
            for position, case in enumerate(kept)
            if not any(
                set(other) < set(case) or (set(other) == set(case) and earlier < position)
                for earlier, other in enumerate(kept)
            )
        ]
        merged = _merge_one_pair(kept)
        if merged is not None:
            kept, changed = merged, True
    return Condition(tuple(kept))


def _merge_one_pair(cases: list[Case]) -> list[Case] | None:
    for position, case in enumerate(cases):
        for other in cases[position + 1 :]:
            differing = set(case) ^ set(other)
            if len(differing) == 2 and len({atom for atom, _ in differing}) == 1:
                rest = tuple(literal for literal in case if literal not in differing)
                return [rest if kept is case else kept for kept in cases if kept is not other]
    return None
