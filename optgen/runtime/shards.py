"""Variables that are parts of larger ones, of which other processes have the other parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from optgen.runtime.view import Stretch

Host = np.ndarray[Any, np.dtype[Any]]
#: A vector of a variable with this number, and 0 if it is of sums, 1 if it is of largest values
#: and -1 if it is of smallest ones.
Vector = tuple[int, Host, int]


class Part(NamedTuple):
    """A part of a larger variable: a stretch of each of its dimensions.

    ``strides`` are those of the larger variable if all of it were in one memory; they count
    elements.
    """

    shape: Sequence[int]
    here: Sequence[Stretch]
    strides: Sequence[int]


class Whole(Protocol):
    """The larger variables; all processes call its functions alike."""

    #: Numbers of elements.
    sizes: Host
    #: The variables of which one process has all and the others nothing: whether this one has.
    owned: Mapping[int, bool]
    #: The variables whose parts here are no stretches of dimensions.
    irregular: Collection[int]

    def part(self, index: int) -> Part | None:
        """What is here of a larger variable; None where all of it is."""

    def complete(self, results: Host, orders: Sequence[int]) -> None:
        """Turn results for parts, a row for each, into those for the whole, in place.

        ``orders`` are 0 for a column of sums, 1 for largest and -1 for smallest values.
        """

    def complete_vectors(self, vectors: Sequence[Vector]) -> None:
        """Turn vectors of results for rows and columns of parts into those for the whole."""
