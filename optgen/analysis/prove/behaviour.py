"""Behaviour in runs: observed, not proved, and a warning at most.

Each property holds for published rules of every kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from optgen.analysis.prove.battery import Battery
from optgen.analysis.prove.convergence import convergence
from optgen.analysis.prove.correction import corrections
from optgen.analysis.prove.direction import directions
from optgen.analysis.prove.growth import growth
from optgen.analysis.prove.influence import influence
from optgen.analysis.prove.motion import motion
from optgen.analysis.prove.response import responses
from optgen.analysis.prove.retention import retention
from optgen.analysis.prove.sampling import Search
from optgen.analysis.prove.scaling import scaling
from optgen.analysis.prove.symmetry import symmetries
from optgen.analysis.prove.turning import turnings
from optgen.analysis.prove.variant import Variant
from optgen.analysis.prove.zero import at_zero
from optgen.compiler.ir.expression import walk
from optgen.compiler.ir.proof import Finding

#: Larger rules aren't run.
MOST_PARTS = 600


def behaviours(variant: Variant, search: Search) -> Iterator[Finding]:
    """Findings from the test runs of one variant."""
    if sum(1 for step in variant.assignments for _ in walk(step.expression)) > MOST_PARTS:
        return
    with suppress(KeyError, IndexError):  # Some variants can't run without a value from the user.
        battery = Battery(variant, search)
        with np.errstate(all="ignore"):
            yield from motion(battery)
            yield from at_zero(battery)
            yield from growth(battery)
            yield from directions(battery)
            yield from convergence(battery)
            yield from scaling(battery)
            yield from symmetries(battery)
            yield from turnings(battery)
            yield from responses(battery)
            yield from retention(battery)
            yield from corrections(battery)
            yield from influence(battery)
