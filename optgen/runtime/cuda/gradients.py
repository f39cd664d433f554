"""Gradients on devices: what kernels may be pointed at."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from typing import Any

from optgen.runtime.arrays import Gradient, Spans
from optgen.runtime.cuda.arrays import View, view_of
from optgen.runtime.cuda.libraries import Library, library_of


class GradientCheck:
    """Brings gradients into the form that kernels need, or refuses them."""

    def __init__(
        self, library: Library, variables: Mapping[str, Any], written: Iterable[tuple[str, Any]]
    ) -> None:
        """``written`` are the arrays that no gradient may share memory with, by name."""
        self._library = library
        self._paths, self._variables = list(variables), list(variables.values())
        self._layouts = [library.layout(variable) for variable in self._variables]
        self._views = [view_of(variable) for variable in self._variables]
        views = ((name, view_of(array)) for name, array in written)
        self._touched = Spans(
            (view.address, view.address + view.nbytes, name, view)
            for name, view in views
            if view.nbytes
        ).touched
        #: The last gradient of each variable, as long as it lives, and where it was.
        self._known: list[tuple[Any, Gradient | None]] = [(lambda: None, None)] * len(variables)

    def __call__(self, index: int, gradient: Any) -> Gradient:
        """The gradient with the memory layout of its variable; a copy where it has another.

        Raises TypeError or ValueError for a wrong type, dtype, shape or device, and for one that
        shares memory with a variable or its state.
        """
        library = self._library
        known, before = self._known[index]
        if known() is gradient and before and library.address(gradient) == before.address:
            return Gradient(gradient, before.address)
        found = self._checked(index, gradient)
        if found.array is gradient:
            self._known[index] = _reference(gradient), found._replace(array=None)
        return found

    def _checked(self, index: int, gradient: Any) -> Gradient:
        library, view = self._library, self._views[index]
        if library_of(gradient) is library and _layout(library, gradient) == self._layouts[index]:
            address = library.address(gradient)
            if address % view.dtype.itemsize == 0:
                self._refuse_shared(index, address, address + view.nbytes)
                return Gradient(gradient, address)
        return self._relaid(index, gradient)

    def _relaid(self, index: int, gradient: Any) -> Gradient:
        """A copy of a gradient that lies otherwise than its variable."""
        path, variable, view = self._paths[index], self._variables[index], self._views[index]
        found = self._seen(path, gradient)
        if found.dtype != view.dtype:
            message = f"the gradient of {path!r} is {found.dtype}, the variable {view.dtype}"
            raise TypeError(message)
        if found.shape != view.shape:
            raise ValueError(
                f"the gradient of {path!r} has shape {found.shape}, the variable {view.shape}"
            )
        here, there = (self._library.device(array) for array in (variable, gradient))
        if here != there:
            raise ValueError(
                f"the gradient of {path!r} is on device {there}, the variable on device {here}"
            )
        ends = [
            (length - 1) * stride for length, stride in zip(found.shape, found.strides, strict=True)
        ]
        first = found.address + sum(min(end, 0) for end in ends)
        last = found.address + sum(max(end, 0) for end in ends) + found.dtype.itemsize
        self._refuse_shared(index, first, last if found.nbytes else first)
        if found.strides == view.strides and found.address % view.dtype.itemsize == 0:
            return Gradient(gradient, found.address)
        copy = self._library.relaid(gradient, variable)
        if copy is None:
            raise ValueError(f"the gradient of {path!r} must lie in memory as the variable does")
        return Gradient(copy, self._library.address(copy))

    def _seen(self, path: str, gradient: Any) -> View:
        kind = f"{type(gradient).__module__}.{type(gradient).__name__}"
        if library_of(gradient) is not self._library:
            message = (
                f"the gradient of {path!r} is a {kind}, not an array of the variable's library"
            )
            raise TypeError(message)
        try:
            return view_of(gradient)
        except (TypeError, AttributeError, RuntimeError) as error:
            raise TypeError(f"the gradient of {path!r} is a {kind}, not on a device") from error

    def _refuse_shared(self, index: int, start: int, end: int) -> None:
        for name, _ in self._touched(start, end):
            raise ValueError(f"the gradient of {self._paths[index]!r} shares memory with {name}")


def _layout(library: Library, gradient: Any) -> Any:
    """The layout of a gradient; None for what is no array of the library."""
    try:
        return library.layout(gradient)
    except (AttributeError, RuntimeError):
        return None


def _reference(array: Any) -> Any:
    try:
        return weakref.ref(array)
    except TypeError:
        return lambda: None
