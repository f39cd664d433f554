"""Validation of variables and gradients as NumPy arrays."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from optgen.runtime.cpu.headers import Headers
from optgen.runtime.dtypes import DTYPES, named

Array = np.ndarray[Any, np.dtype[Any]]
#: A variable or gradient from the user: a NumPy or device array.
AnyArray = Any


def is_on_device(array: object) -> bool:
    """Whether an array is in device memory."""
    found = getattr(array, "is_cuda", None)
    return bool(found) if found is not None else hasattr(type(array), "__cuda_array_interface__")


def check_variables(variables: Mapping[str, object]) -> list[Array]:
    """Validate variables for in-place updates.

    Raises TypeError or ValueError for anything else than distinct, writeable, dense, aligned
    arrays of the dtypes that kernels take.
    """
    checked = {path: _check_variable(path, variable) for path, variable in variables.items()}
    Spans(spans_of(checked.items())).refuse_overlaps()
    if len({id(array) for array in checked.values()}) < len(checked):
        raise ValueError("an empty array is given twice")
    return list(checked.values())


def _check_variable(path: str, variable: object) -> Array:
    if not isinstance(variable, np.ndarray) or isinstance(variable, np.ma.MaskedArray):
        kind = f"{type(variable).__module__}.{type(variable).__name__}"
        raise TypeError(f"{path!r} must be a NumPy array, not {kind}")
    if variable.dtype not in DTYPES or not variable.dtype.isnative:
        raise TypeError(f"{path!r} must be {named(DTYPES)}, not {variable.dtype}")
    if not variable.flags.writeable:
        raise ValueError(f"{path!r} is read-only, so it can't be updated in place")
    if not variable.flags.aligned or not is_dense(variable):
        raise ValueError(f"{path!r} has gaps in memory or isn't aligned; update a copy of it")
    return variable


def is_dense(array: Array) -> bool:
    """Whether the elements are contiguous, in any axis order."""
    return not array.size or fills(array.shape, array.strides, array.itemsize)


def strides_of(array: Array) -> list[int]:
    """The strides in elements."""
    return [stride // array.itemsize for stride in array.strides]


def fills(shape: Sequence[int], strides: Sequence[int], itemsize: int) -> bool:
    """Whether elements with these strides are contiguous and distinct."""
    expected = itemsize
    for stride, length in sorted(zip(strides, shape, strict=True)):
        if length == 1:
            continue
        if stride != expected:
            return False
        expected *= length
    return True


#: First and past-the-end byte of an array, its name, and the array.
Span = tuple[int, int, str, Any]


class Spans:
    """Non-empty address ranges."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans = sorted(spans, key=itemgetter(0))
        self._starts = [span[0] for span in self._spans]

    def refuse_overlaps(self) -> None:
        """Raise ValueError if two overlap."""
        for (_, end, one, _), (start, _, other, _) in pairwise(self._spans):
            if start < end:
                raise ValueError(f"{one!r} and {other!r} share memory")

    def touched(self, start: int, end: int) -> Iterator[tuple[str, Any]]:
        """The ranges that overlap an interval, by name."""
        position = max(0, bisect_right(self._starts, start) - 1)
        while start < end and position < len(self._spans) and self._starts[position] < end:
            _, last, name, array = self._spans[position]
            if last > start:
                yield name, array
            position += 1


def spans_of(arrays: Iterable[tuple[str, Array]]) -> Iterator[Span]:
    """The address ranges of non-empty arrays."""
    return ((*_span(array), name, array) for name, array in arrays if array.size)


def _span(array: Array) -> tuple[int, int]:
    """First and past-the-end byte of an array."""
    return np.lib.array_utils.byte_bounds(array)


def address(array: Array) -> int:
    """The address of the first element."""
    return int(array.__array_interface__["data"][0])


class Gradient(NamedTuple):
    """A validated gradient and its address."""

    array: Any
    address: int


class Gradients(Sequence[Gradient | None]):
    """The gradients of all variables, none missing, with an array of addresses."""

    def __init__(self, array: Callable[[int], Any], addresses: Array) -> None:
        """``array`` returns a gradient by the index of its variable."""
        self._array, self.addresses = array, addresses

    def __len__(self) -> int:
        return len(self.addresses)

    def __getitem__(self, index: Any) -> Any:
        return Gradient(self._array(index), int(self.addresses[index]))


class GradientCheck:
    """Validates gradients, and copies those of another layout."""

    def __init__(
        self, variables: Mapping[str, Array], written: Iterable[tuple[str, Array]]
    ) -> None:
        """``written`` are the arrays that no gradient may share memory with, by name."""
        self._paths, self._variables = list(variables), list(variables.values())
        self._layouts = [_layout(variable.__array_interface__) for variable in self._variables]
        spans = list(spans_of(written))
        self._touched = Spans(spans).touched
        self._headers = Headers(self._variables, (span[:2] for span in spans))

    def __call__(self, index: int, gradient: object, what: str = "gradient") -> Gradient:
        """The gradient with the memory layout of its variable; a copy where it has another.

        ``what`` names it in messages. Raises TypeError or ValueError for a wrong type, dtype or
        shape, and for one that shares memory with a variable or its state.
        """
        variable = self._variables[index]
        if type(gradient) is np.ndarray:
            # The common case, with as few attribute accesses as possible.
            interface = gradient.__array_interface__
            start = interface["data"][0]
            if _layout(interface) == self._layouts[index] and start % variable.itemsize == 0:
                for name, _ in self._touched(start, start + variable.nbytes):
                    raise self._shared(index, name, what)
                return Gradient(gradient, start)
        array = self._checked(index, gradient, what)
        for name, other in self._touched(*_span(array)):
            if _overlap(array, other):
                raise self._shared(index, name, what)
        copy = np.empty_like(variable)
        copy[...] = array
        return Gradient(copy, address(copy))

    def at_once(self, gradients: list[Any]) -> Gradients | None:
        """The gradients of all variables in order; None if any needs validation by itself."""
        addresses = self._headers.addresses(gradients)
        return None if addresses is None else Gradients(gradients.__getitem__, addresses)

    def variables_stay(self) -> bool:
        """Whether address, layout and write permission of all variables are unchanged."""
        return self._headers.are_still_there()

    def _checked(self, index: int, gradient: object, what: str) -> Array:
        path, variable = self._paths[index], self._variables[index]
        if isinstance(gradient, np.generic):
            gradient = np.asarray(gradient)
        if not isinstance(gradient, np.ndarray) or isinstance(gradient, np.ma.MaskedArray):
            kind = f"{type(gradient).__module__}.{type(gradient).__name__}"
            raise TypeError(f"the {what} of {path!r} must be a NumPy array, not {kind}")
        if gradient.dtype != variable.dtype:
            raise TypeError(
                f"the {what} of {path!r} is {gradient.dtype}, the variable {variable.dtype}; "
                f"cast the {what} to {variable.dtype}"
            )
        if gradient.shape != variable.shape:
            raise ValueError(
                f"the {what} of {path!r} has shape {gradient.shape}, the variable {variable.shape}"
            )
        return gradient

    def _shared(self, index: int, name: str, what: str) -> ValueError:
        return ValueError(f"the {what} of {self._paths[index]!r} shares memory with {name}")


def _layout(interface: Mapping[str, Any]) -> tuple[Any, ...]:
    return interface["shape"], interface["strides"], interface["typestr"]


def _overlap(gradient: Array, variable: Array) -> bool:
    if is_dense(gradient):
        return True
    try:
        return np.shares_memory(gradient, variable, max_work=10_000)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True
