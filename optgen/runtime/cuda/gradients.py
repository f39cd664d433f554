"""Validation of gradients on devices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from optgen.runtime.arrays import Gradient, Spans
from optgen.runtime.cuda.arrays import View, view_of
from optgen.runtime.cuda.libraries import Library, library_of
from optgen.runtime.identity import Known


class GradientCheck:
    """Converts gradients to the layout that kernels require, or refuses them."""

    def __init__(
        self, library: Library, variables: Mapping[str, Any], written: Iterable[tuple[str, Any]]
    ) -> None:
        """``written`` are the arrays, by name, that no gradient may share memory with."""
        self._library = library
        self._paths, self._variables = list(variables), list(variables.values())
        self._layouts = [library.layout(variable) for variable in self._variables]
        self._views = [view_of(variable) for variable in self._variables]
        views = ((name, view_of(array)) for name, array in written)
        spans = [(v.address, v.address + v.nbytes, name, v) for name, v in views if v.nbytes]
        self._touched = Spans(spans).touched
        # The intervals are disjoint: each ends before the next begins.
        bounds = np.array(sorted(span[:2] for span in spans) or [(0, 0)], np.int64)
        self._starts, self._ends = bounds[:, 0], bounds[:, 1]
        self._sizes = np.array([view.nbytes for view in self._views], np.int64)
        self._itemsizes = np.array([view.dtype.itemsize for view in self._views], np.int64)
        self._known: Known | None = None
        self._checked: list[Gradient | None] = []

    def __call__(self, index: int, gradient: Any, what: str = "gradient") -> Gradient:
        """The gradient in the memory layout of its variable; a copy if its layout differs.

        ``what`` names it in messages. Raises TypeError or ValueError for a wrong type, dtype,
        shape or device, and for a gradient that shares memory with a variable or its state.
        """
        library, view = self._library, self._views[index]
        if library_of(gradient) is library and _layout(library, gradient) == self._layouts[index]:
            address = library.address(gradient)
            if address % view.dtype.itemsize == 0:
                self._refuse_shared(index, address, address + view.nbytes, what)
                return Gradient(gradient, address)
        return self._relaid(index, gradient, what)

    def at_once(self, gradients: list[Any]) -> Sequence[Gradient | None] | None:
        """The gradients of all variables, in their order; None if any needs the full check.

        The same arrays as in the last call need no check. The gradients returned omit the arrays
        themselves.
        """
        known, library = self._known, self._library
        if known and known.is_of(gradients) and library.addresses(gradients) == known.addresses:
            return self._checked
        self._known = None
        try:
            if [library.layout(gradient) for gradient in gradients] != self._layouts:
                return None
            addresses = library.addresses(gradients)
            if (np.array(addresses) % self._itemsizes).any() or self._touches_any(addresses):
                return None
            self._known = Known(gradients, addresses)
        except (AttributeError, RuntimeError, TypeError):
            return None
        self._checked = [Gradient(None, address) for address in addresses]
        return self._checked

    def variables_stay(self) -> bool:
        """False: variables are checked one by one."""
        return False

    def _touches_any(self, addresses: list[int]) -> bool:
        """Whether a gradient shares memory with a variable or its state."""
        starts = np.array(addresses)
        before = np.searchsorted(self._starts, starts + self._sizes, side="left") - 1
        return bool(((self._ends[before] > starts) & (before >= 0) & (self._sizes > 0)).any())

    def _relaid(self, index: int, gradient: Any, what: str) -> Gradient:
        """A copy of a gradient whose layout differs from that of its variable."""
        path, variable, view = self._paths[index], self._variables[index], self._views[index]
        found = self._seen(path, gradient, what)
        if found.dtype != view.dtype:
            message = f"the {what} of {path!r} is {found.dtype}, the variable {view.dtype}"
            raise TypeError(message)
        if found.shape != view.shape:
            raise ValueError(
                f"the {what} of {path!r} has shape {found.shape}, the variable {view.shape}"
            )
        here, there = (self._library.device(array) for array in (variable, gradient))
        if here != there:
            raise ValueError(
                f"the {what} of {path!r} is on device {there}, the variable on device {here}"
            )
        ends = [
            (length - 1) * stride for length, stride in zip(found.shape, found.strides, strict=True)
        ]
        first = found.address + sum(min(end, 0) for end in ends)
        last = found.address + sum(max(end, 0) for end in ends) + found.dtype.itemsize
        self._refuse_shared(index, first, last if found.nbytes else first, what)
        lies_alike = found.strides == view.strides or not found.nbytes
        if lies_alike and found.address % view.dtype.itemsize == 0:
            return Gradient(gradient, found.address)
        copy = self._library.relaid(gradient, variable)
        if copy is None:
            raise ValueError(f"the {what} of {path!r} must lie in memory as the variable does")
        return Gradient(copy, self._library.address(copy))

    def _seen(self, path: str, gradient: Any, what: str) -> View:
        kind = f"{type(gradient).__module__}.{type(gradient).__name__}"
        if library_of(gradient) is not self._library:
            message = f"the {what} of {path!r} is a {kind}, not an array of the variable's library"
            raise TypeError(message)
        try:
            return view_of(gradient)
        except (TypeError, AttributeError, RuntimeError) as error:
            raise TypeError(f"the {what} of {path!r} is a {kind}, not on a device") from error

    def _refuse_shared(self, index: int, start: int, end: int, what: str) -> None:
        for name, _ in self._touched(start, end):
            raise ValueError(f"the {what} of {self._paths[index]!r} shares memory with {name}")


def _layout(library: Library, gradient: Any) -> Any:
    """The layout of a gradient; None if it isn't an array of the library."""
    try:
        return library.layout(gradient)
    except (AttributeError, RuntimeError):
        return None
