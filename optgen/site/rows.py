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
    features: int

    @property
    def words(self) -> str:
        """What a search looks through."""
        facts = self.facts
        parts = [facts["name"], facts["module"], facts["summary"], facts["reference"]]
        parts += [self.family, self.family.replace("_", " "), *facts["kinds"], *self.libraries]
        return " ".join(parts).lower()

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
