"""Variables as tensors of operations: those that are matrices have three dimensions.

These are the matrices of a batch, rows and columns, so that vectors of rows and of columns
broadcast against the elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf, nan, prod
from typing import Any

from optgen.runtime.matrix_blocks import blocks_of
from optgen.runtime.matrix_calls import ELEMENT, is_matrix
from optgen.runtime.view import NAMES, VECTOR_LENGTHS, View, axes_of, plain_view, state_form

#: The dimensions that values of an extent vary over.
_VARIES = {"element": (0, 1, 2), "rows": (0, 1), "columns": (0, 2), "matrix": (0,), "tensor": ()}


class Form:
    """The form of a variable in operations; without a ``view`` it is the variable's own."""

    def __init__(
        self, library: Any, shape: Sequence[int], view: str = "", rank: int = 0, block: int = 0
    ) -> None:
        """``library`` has the functions of arrays.

        ``rank`` bounds the sides of matrices that have one, ``block`` those of blocks.
        """
        self.library = library
        self._own = tuple(shape)
        axes = axes_of(view, shape) if view else ([*range(len(shape))],)
        self._order = [axis for some in axes for axis in some]
        counts = [prod(shape[axis] for axis in some) for some in axes]
        self.is_viewed = bool(view)
        #: Numbers of matrices, of blocks and their rows, and of blocks and their columns.
        self._blocks: tuple[int, ...] = ()
        if view and (sides := blocks_of(counts[1], counts[2], block)) != (counts[1], counts[2]):
            rows, columns = sides
            self._blocks = counts[0], counts[1] // rows, rows, counts[2] // columns, columns
            counts = [counts[0] * self._blocks[1] * self._blocks[3], rows, columns]
        #: The shape in operations.
        self.shape = tuple(counts) if view else self._own
        seen = View(counts[0], counts[1], counts[2], len(shape)) if view else plain_view(shape)
        #: The numbers of a variable's shape that generated code reads, by name.
        self.sizes = dict(zip(NAMES, map(float, seen.shape), strict=True))
        self._seen = replace(seen, rank=rank)

    def seen(self, tensor: Any) -> Any:
        """A tensor of the variable's shape in this form."""
        if not self.is_viewed:
            return tensor
        found = self._transposed(tensor, self._order)
        if self._blocks:
            found = self.library.transpose(
                self.library.reshape(found, self._blocks), (0, 1, 3, 2, 4)
            )
        return self.library.reshape(found, self.shape)

    def places(self, dtype: str, over: str = ELEMENT) -> Any:
        """The place of each element in order of indices, in this form or over other matrices."""
        if over != ELEMENT:
            shape = self.varying(over)
            return self.library.reshape(self.library.arange(prod(shape), dtype=dtype), shape)
        count = prod(self._own)
        return self.seen(self.library.reshape(self.library.arange(count, dtype=dtype), self._own))

    def restored(self, tensor: Any) -> Any:
        """A tensor in this form, or one that broadcasts to it, in the variable's shape."""
        whole = self.library.broadcast_to(tensor, self.shape)
        if not self.is_viewed:
            return whole
        if self._blocks:
            matrices, down, rows, across, columns = self._blocks
            whole = self.library.reshape(whole, (matrices, down, across, rows, columns))
            whole = self.library.transpose(whole, (0, 1, 3, 2, 4))
        moved = self.library.reshape(whole, [self._own[axis] for axis in self._order])
        return self._transposed(moved, sorted(self._order, key=self._order.__getitem__))

    def length(self, shape: str) -> tuple[int, ...]:
        """The shape of a state: of a number, of a vector of rows or of columns, of a square."""
        if is_matrix(shape):
            return state_form(self._seen, shape)
        return self._seen.length(shape) if self.is_viewed else ()

    def vector(self, state: Any, shape: str) -> Any:
        """A number or vector that broadcasts against tensors in this form, or a square."""
        is_number = shape not in VECTOR_LENGTHS and not is_matrix(shape)
        return state if is_number else self.library.reshape(state, self.varying(shape))

    def flat(self, value: Any, shape: str) -> Any:
        """A number, vector or square in the shape of its state."""
        is_number = shape not in VECTOR_LENGTHS and not is_matrix(shape)
        wanted = () if is_number else self.varying(shape)
        return self.library.reshape(self.library.broadcast_to(value, wanted), self.length(shape))

    def varying(self, extent: str) -> tuple[int, ...]:
        """The shape of values of an extent."""
        if not self.is_viewed:
            return self.shape
        if is_matrix(extent):
            return self.shape[0], *self._seen.form(extent)
        kept = _VARIES[extent]
        return tuple(count if axis in kept else 1 for axis, count in enumerate(self.shape))

    def _transposed(self, tensor: Any, order: Sequence[int]) -> Any:
        return tensor if [*order] == [*range(len(order))] else self.library.transpose(tensor, order)


class VariableFunctions:
    """Functions of tensors of one dtype, and reductions of those of one variable."""

    def __init__(self, functions: Any, form: Form, stored: str = "") -> None:
        """``stored`` is the dtype of the variable."""
        self._functions, self._form, self._stored = functions, form, stored
        self._library = form.library

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self._functions, name)
        return found

    def as_stored(self, value: Any) -> Any:
        """A tensor as the variable holds it."""
        cast = self._library.cast
        return cast(cast(value, self._stored), value.dtype) if self._stored else value

    def sum_of(self, term: Any, extent: str = "element", target: str = "tensor") -> Any:
        """The sum of values of an extent, for each unit of another."""
        return self._reduce(self._library.sum, term, extent, target)

    def largest_of(self, term: Any, extent: str = "element", target: str = "tensor") -> Any:
        """The largest value; NaN if any is NaN."""
        return self._extreme(self._library.max, -inf, term, extent, target)

    def smallest_of(self, term: Any, extent: str = "element", target: str = "tensor") -> Any:
        """The smallest value; NaN if any is NaN."""
        return self._extreme(self._library.min, inf, term, extent, target)

    def _extreme(
        self, reduction: Callable[..., Any], start: float, term: Any, extent: str, target: str
    ) -> Any:
        if not all(self._form.shape):
            return self._functions.real(start)
        found = self._reduce(reduction, term, extent, target)
        has_nan = self._reduce(self._library.any, self._functions.isnan(term), extent, target)
        return self._library.where(has_nan, self._functions.real(nan), found)

    def _reduce(self, reduction: Callable[..., Any], term: Any, extent: str, target: str) -> Any:
        whole = self._library.broadcast_to(term, self._form.varying(extent))
        if target == "tensor":
            return reduction(whole)
        axes = tuple(axis for axis in _VARIES[extent] if axis not in _VARIES[target])
        return reduction(whole, axis=axes, keepdims=True)
