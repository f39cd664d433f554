"""The steps of a rule in each switch setting that changes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.rule import Rule, Step

#: An upper limit on settings; no readable rule has more.
MOST_SETTINGS = 32


@dataclass(frozen=True)
class Variant:
    """Steps without guards, and the setting in which the rule executes them."""

    when: Condition
    steps: tuple[Step, ...]

    @property
    def setting(self) -> str:
        """The setting in words; empty for always."""
        cases = (
            " and ".join(atom if holds else f"not {atom}" for atom, holds in case)
            for case in self.when.cases
        )
        return " or ".join(cases)


def variants(rule: Rule) -> tuple[Variant, ...]:
    """All variants; for a rule with too many settings, those with at most one switch on."""
    (block,) = rule.blocks
    atoms = list(dict.fromkeys(atom for step in block.steps for atom in step.guard.atoms))
    found: dict[tuple[int, ...], Variant] = {}
    for number in _settings(len(atoms)):
        on = {atom: bool(number >> place & 1) for place, atom in enumerate(atoms)}
        taken = tuple(step for step in block.steps if step.guard.holds(on))
        variant = Variant(Condition((tuple(on.items()),)), taken)
        other = found.setdefault(tuple(map(id, taken)), variant)
        if other is not variant:
            found[tuple(map(id, taken))] = replace(other, when=other.when | variant.when)
    return tuple(found.values())


def _settings(switches: int) -> Iterator[int]:
    """Each setting as a bit mask with one bit per switch."""
    if 2**switches <= MOST_SETTINGS:
        yield from range(2**switches)
        return
    yield 0
    yield from (1 << place for place in range(switches))
