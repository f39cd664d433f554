"""Values of canonical trees at random points, to identify trees that are written differently.

Trees with equal values at all points count as equal. A choice that takes the same branch at all
points is replaced by that branch.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from math import isqrt
from typing import Any

import numpy as np

from optgen.analysis.compare.canonical_form import NAME, NUMBER, Node
from optgen.analysis.compare.outline import Outline, new
from optgen.analysis.exact.grids import OF_ARRAYS, grid, shape_numbers
from optgen.analysis.exact.matrix_arrays import Matrices, columns_of
from optgen.analysis.exact.matrix_facts import FACTS
from optgen.compiler.ir.extent import SQUARES, Extent
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.matrix import TRANSPOSE
from optgen.compiler.ir.reduction import REDUCERS
from optgen.compiler.ir.reserved import SHAPES
from optgen.compiler.ir.rule import CALL, GRAD, LEARNING_RATE, PARAM, STEP
from optgen.compiler.ir.spec import Scalar

Array = np.ndarray[Any, np.dtype[Any]]
#: The number of sample points.
POINTS = 32
#: The number of tensor elements at each point, as a matrix of two rows.
_ELEMENTS = 6
_ROWS, _COLUMNS = grid(_ELEMENTS)
#: Rounding errors are below the first tolerance; true differences exceed it at some point.
_SAME, _NOTHING = 1e-7, 1e-6
#: The values that are compared individually before the full comparison.
_PROBED = slice(0, 40, 9)
_JOINED: Mapping[str, Callable[..., Any]] = {
    "+": np.add,
    "*": np.multiply,
    **{f.name: getattr(np, f.array) for f in REGISTRY.values() if f.selects and f.is_symmetric},
    "and": np.logical_and,
    "or": np.logical_or,
}
#: What all tensors add to the sums of one of them.
_OTHERS = 1.25


def _reduced(name: str, values: Array) -> Array:
    is_square = values.shape[1] not in (1, _ELEMENTS)
    found = OF_ARRAYS[name](values if is_square else _whole(values))
    reducer = REDUCERS[name]
    if reducer.extent is not Extent.OPTIMIZER:
        return found
    return found * (_OTHERS**0.5 if reducer.is_norm else _OTHERS)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "**": np.power,
    "%": np.mod,
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
    "not": np.logical_not,
    **{f.name: getattr(np, f.array) for f in REGISTRY.values() if f.name not in _JOINED},
    "clip": lambda x, low, high: np.where(x < low, low, np.where(x > high, high, x)),
    **{name: partial(_reduced, name) for name in REDUCERS},
}


@dataclass(frozen=True)
class Worth:
    """The values of a tree, a few of these, and whether all its choices took both branches."""

    values: Array
    is_tried: bool
    probe: tuple[float, ...]


class Draws:
    """Memoized values of trees over the names of an outline."""

    def __init__(self, outline: Outline) -> None:
        self._numbers = outline.numbers
        scalars = outline.scalars
        self._scalars = scalars | {new(name) for name in scalars}
        extents = outline.extents
        self._extents = {**extents, **{new(name): extent for name, extent in extents.items()}}
        self._known: dict[str, Worth] = {}

    def alike(self, one: Node, other: Node) -> bool:
        """Whether two trees have equal values at every point."""
        if NUMBER in (one.operator, other.operator):
            return False
        a, b = self.worth(one), self.worth(other)
        if not (a.is_tried and b.is_tried):
            return False
        pairs = zip(a.probe, b.probe, strict=True)
        if any(abs(x - y) > _SAME * max(abs(x), abs(y), _NOTHING) for x, y in pairs):
            return False
        if a.values.shape[1] != b.values.shape[1] and 1 not in (
            a.values.shape[1],
            b.values.shape[1],
        ):
            return False
        return bool(np.allclose(a.values, b.values, _SAME, _SAME * _NOTHING, equal_nan=True))

    def worth(self, node: Node) -> Worth:
        """The values of a tree."""
        found = self._known.get(node.key)
        if found is None:
            found = self._known[node.key] = self._of(node)
        return found

    def _of(self, node: Node) -> Worth:
        if node.operator == NAME:
            return _worth(self._drawn(str(node.leaf)), is_tried=True)
        if node.operator == NUMBER:
            return _worth(np.full((1, 1), float(node.leaf)), is_tried=True)
        # A factor's transpose has no value of its own.
        parts = [self.worth(child) for child in node.children if child.operator != TRANSPOSE]
        values = [part.values for part in parts]
        try:
            with np.errstate(all="ignore"):
                result = self._applied(node, values)
        except ValueError:
            # What is a square here is none in the rule that the tree is of.
            return _worth(np.full((POINTS, 1), np.nan), is_tried=False)
        is_tried = all(part.is_tried for part in parts) and _is_tried(node.operator, values, result)
        return _worth(result, is_tried=is_tried)

    def _applied(self, node: Node, values: list[Array]) -> Array:
        if node.operator in FACTS:
            return Matrices(lambda one: self.worth(one).values, _children, _ELEMENTS).of(node)
        if node.operator in _JOINED:
            return reduce(_JOINED[node.operator], values)
        found: Array = _FUNCTIONS[node.operator](*values)
        return found

    def _drawn(self, name: str) -> Array:
        """Sampled values of a name, identical in each tree."""
        draw = np.random.default_rng(zlib.crc32(name.encode()))
        if name in SHAPES:
            return np.full((POINTS, 1), float(shape_numbers(_ELEMENTS)[name]))
        if name in (STEP, CALL):
            return draw.integers(1, 40, (POINTS, 1)) ** draw.integers(0, 2, (POINTS, 1)) * 1.0
        if name in self._numbers or name == LEARNING_RATE:
            return _number(draw, self._numbers.get(name))
        extent = self._extents.get(name, Extent.ELEMENT)
        if extent in SQUARES:
            return _semidefinite(draw, columns_of(extent, _ELEMENTS))
        columns = 1 if name in self._scalars else _ELEMENTS
        size = draw.uniform(0.1, 3, (POINTS, columns))
        # Second moments are nonnegative and gradients have any sign: sample half of the points from
        # each.
        turned = draw.integers(0, 2, size.shape) * 2 - 1.0
        half = np.arange(POINTS)[:, None] % 2 == 0
        signed = np.where(half, turned, 1.0) if name not in (GRAD, PARAM) else turned
        return self._along(name, size * signed)

    def _along(self, name: str, values: Array) -> Array:
        """Values that are the same along what a state has one number for."""
        extent = self._extents.get(name, Extent.ELEMENT)
        whole = np.broadcast_to(values, (POINTS, _ELEMENTS)).reshape(POINTS, _ROWS, _COLUMNS)
        if extent is Extent.ROWS:
            whole = np.broadcast_to(whole[:, :, :1], whole.shape)
        elif extent is Extent.COLUMNS:
            whole = np.broadcast_to(whole[:, :1, :], whole.shape)
        elif extent is not Extent.ELEMENT:
            return values[:, :1]
        return whole.reshape(POINTS, _ELEMENTS)


def _children(node: Node) -> tuple[Node, ...]:
    return node.children


def _semidefinite(draw: np.random.Generator, elements: int) -> Array:
    """Random squares that are semidefinite, as averages of products are."""
    side = isqrt(elements)
    factor = draw.normal(size=(POINTS, side, side))
    return (factor @ np.swapaxes(factor, 1, 2)).reshape(POINTS, elements)


def _number(draw: np.random.Generator, default: Scalar | None) -> Array:
    """Values in 0 to 1 at half of the points, and near the default at the others."""
    share = draw.uniform(0.05, 0.95, (POINTS, 1))
    usual = float(default or 0)
    # A fraction near 1 stays below 1.
    factor = draw.uniform(0.5, 1, (POINTS, 1))
    near = 1 - (1 - usual) * factor if 0.5 < usual < 1 else usual * factor
    return np.where((draw.random((POINTS, 1)) < 0.5) & (usual != 0), near, share)


def _is_tried(operator: str, values: list[Array], result: Array) -> bool:
    """Whether a choice took both branches. Tiny bounds only exclude 0."""
    if operator == "where":
        return bool(np.any(values[0])) and not np.all(values[0])
    if operator in REGISTRY and REGISTRY[operator].selects:
        shown = [one for one in values if one.size > 1 or one.item() > 0.001 or one.item() <= 0]
        return all(np.any(one == result) for one in shown)
    return True


def _worth(values: Array, *, is_tried: bool) -> Worth:
    is_square = values.shape[1] not in (1, _ELEMENTS)
    whole = np.asarray(values, float) if is_square else _whole(values)
    return Worth(
        whole if values.shape[1] > 1 else values, is_tried, tuple(whole.flat[_PROBED].tolist())
    )


def _whole(values: Array) -> Array:
    """The values, broadcast to one column per element."""
    return np.broadcast_to(np.asarray(values, float), (POINTS, _ELEMENTS))
