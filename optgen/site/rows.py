"""The table of rules: what a row shows, and what it is searched and sorted by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optgen.site.facts.records import RuleFacts, Size

#: Beginnings of settings that aren't switches: the step of any variable, and that of matrices.
_PLAIN, _OF_MATRICES = "plain", "where matrix"


@dataclass(frozen=True)
class Row:
    """A rule of the table."""

    facts: RuleFacts
    family: str
    libraries: Mapping[str, Sequence[str]]

    @property
    def words(self) -> str:
        """What a search looks through."""
        facts = self.facts
        parts = [facts["name"], facts["module"], facts["summary"], facts["reference"]]
        parts += [self.family, self.family.replace("_", " "), *self.traits, *self.libraries]
        return " ".join(parts).lower()

    @property
    def traits(self) -> list[str]:
        """What the rule does by itself: the kinds of its work, and features of its own."""
        own = dict.fromkeys(name.replace("_", " ") for name in self.facts["replaces"])
        return [*self.facts["kinds"], *(f"own {name}" for name in own)]

    @property
    def proofs(self) -> list[str]:
        """The groups of properties, of those that count, in which all are proved."""
        counted = [one for one in self.facts["properties"] if one["counts"]]
        open_groups = {one["group"] for one in counted if one["verdict"] != "proved"}
        groups = dict.fromkeys(one["group"] for one in counted)
        return [group for group in groups if group not in open_groups]

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The settings with the switches at rest: of matrices, if they differ, and of the rest."""
        every = self.facts["sizes"]
        plain = next((one for one in every if one["setting"] == _PLAIN), every[0])
        matrix = next((one for one in every if one["setting"] == _OF_MATRICES), plain)
        return (plain,) if matrix is plain else (matrix, plain)

    @property
    def proved(self) -> int:
        """How many of the properties that count are proved."""
        return self._count("proved")

    @property
    def refuted(self) -> int:
        """How many of the properties that count are refuted."""
        return self._count("refuted")

    @property
    def properties(self) -> int:
        """How many properties count."""
        return sum(one["counts"] for one in self.facts["properties"])

    def _count(self, verdict: str) -> int:
        return sum(one["counts"] and one["verdict"] == verdict for one in self.facts["properties"])
