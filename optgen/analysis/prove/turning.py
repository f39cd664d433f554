"""Matrices in other coordinates: a rule of products of matrices takes the same path there.

A factor that should be transposed fits if it is square, and shows here: its coordinates are others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from optgen.analysis.exact.grids import grid
from optgen.analysis.exact.matrix_facts import mixes
from optgen.analysis.prove.battery import Battery
from optgen.analysis.prove.float32 import Array
from optgen.analysis.prove.observation import observation, trajectory
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import Operation, walk
from optgen.compiler.ir.matrix import EIGENVECTORS
from optgen.compiler.ir.proof import Finding, Verdict
from optgen.compiler.ir.reduction import AXIS_REDUCTIONS

_STEPS, _SAME = 12, 1e-6
#: The elements of a matrix of 3 rows and 4 columns: bases of two rows may be their own transpose.
_ELEMENTS = 12
#: Operations of elements that are the same in all coordinates, besides factors that are numbers.
_LINEAR = frozenset({"+", "-", "neg", "where"})
_OPEN = "it isn't in runs: single rows, columns or elements matter, or a transpose is wrong"


def turnings(battery: Battery) -> Iterator[Finding]:
    """The finding about runs in turned coordinates, for a rule of products of matrices."""
    if not battery.variant.has_products:
        return
    draw = np.random.default_rng(5)
    rows, columns = grid(_ELEMENTS)
    left, right = (np.linalg.qr(draw.normal(size=(n, n)))[0] for n in (rows, columns))

    def turned(values: Array) -> Array:
        found: Array = left @ values.reshape(-1, rows, columns) @ right
        return found.reshape(values.shape)

    gradients = draw.normal(size=(_STEPS, 1, _ELEMENTS))
    both = np.concatenate([gradients, turned(gradients)], axis=1)
    first = np.tile(battery.start, (1, 2))
    start = np.concatenate([first, turned(first)])
    path = battery.run(start, lambda _, n: both[n], _STEPS).parameters
    there, here = path[:, 1], turned(path[:, 0])
    moved = np.abs(there - there[0]).max()
    if not (np.isfinite(path).all() and moved > 0):
        return
    holds = bool(np.abs(there - here).max() <= _SAME * moved)
    found = observation(
        battery,
        "a path in turned coordinates is the same path turned",
        holds,
        f"in {_STEPS} steps with random gradients, with turned rows and columns",
        {} if holds else trajectory(there[:, 0], "turned param") | trajectory(here[:, 0]),
        fault="turned coordinates of rows or columns give another path; a transpose may be wrong",
    )
    if not holds and not _should_turn(battery.variant):
        found = replace(found, verdict=Verdict.UNDECIDED, reason=_OPEN)
    yield found


def _should_turn(variant: Variant) -> bool:
    """Whether elements are only combined linearly, or in coordinates that are eigenvectors."""
    parts = [p for s in variant.assignments for p in walk(s.expression) if isinstance(p, Operation)]
    operators = {part.operator for part in parts}
    if operators & AXIS_REDUCTIONS:
        return False
    return EIGENVECTORS in operators or not any(
        _is_of_elements(part, variant.elements) for part in parts
    )


def _is_of_elements(part: Operation, elements: frozenset[int]) -> bool:
    """Whether it is a nonlinear operation on elements."""
    if id(part) not in elements or part.operator in _LINEAR or mixes(part):
        return False
    own = sum(id(operand) in elements for operand in part.operands)
    return own > 1 or part.operator not in ("*", "/") or _divides(part, elements)


def _divides(part: Operation, elements: frozenset[int]) -> bool:
    return part.operator == "/" and id(part.operands[1]) in elements
