"""What a rule does in runs: observed, not proved, and only ever a warning.

Each property is one that published rules have, whatever they are made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from optgen.compiler.nouns.expression import walk
from optgen.compiler.nouns.proof import Finding
from optgen.compiler.prove.battery import Battery
from optgen.compiler.prove.convergence import convergence
from optgen.compiler.prove.correction import corrections
from optgen.compiler.prove.direction import directions
from optgen.compiler.prove.growth import growth
from optgen.compiler.prove.influence import influence
from optgen.compiler.prove.motion import motion
from optgen.compiler.prove.response import responses
from optgen.compiler.prove.retention import retention
from optgen.compiler.prove.sample import Search
from optgen.compiler.prove.scaling import scaling
from optgen.compiler.prove.symmetry import symmetries
from optgen.compiler.prove.variant import Variant
from optgen.compiler.prove.zero import at_zero

#: Longer rules aren't run.
MOST_PARTS = 600


def behaviours(variant: Variant, search: Search) -> Iterator[Finding]:
    """Findings about the runs of one variant."""
    if sum(1 for step in variant.assignments for _ in walk(step.expression)) > MOST_PARTS:
        return
    with suppress(KeyError, IndexError):  # Not all can be run without what a user sets.
        battery = Battery(variant, search)
        with np.errstate(all="ignore"):
            yield from motion(battery)
            yield from at_zero(battery)
            yield from growth(battery)
            yield from directions(battery)
            yield from convergence(battery)
            yield from scaling(battery)
            yield from symmetries(battery)
            yield from responses(battery)
            yield from retention(battery)
            yield from corrections(battery)
            yield from influence(battery)
