"""What generated CPU kernels import, for Python: memory by address, sums, and functions.

Numbers are NumPy's scalars, whose arithmetic is that of compiled code.
"""

from __future__ import annotations

import ctypes
import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from optgen.runtime import small_functions
from optgen.runtime.codes import BLOCK
from optgen.runtime.cpu import folds
from optgen.runtime.cpu.jit import Array, Kernel
from optgen.runtime.cpu.storage import Formats
from optgen.runtime.draws import compiled_draws


def undecorated(function: Callable[..., Any]) -> Callable[..., Any]:
    """In place of what compiles a function."""
    return function


def kernel(loop: object) -> Callable[[Callable[..., None]], Kernel]:
    """Calls with NumPy's numbers; what compiled code computes without a warning has none here."""

    def decorate(function: Callable[..., None]) -> Kernel:
        def run(*arguments: Any) -> None:
            numbers = [np.float64(a) if isinstance(a, float) else a for a in arguments]
            with np.errstate(all="ignore"):
                function(*numbers)

        return run

    return decorate


class Stored:
    """A block whose elements are converted when they are loaded and stored."""

    def __init__(self, found: Array, real: Any) -> None:
        self._found, self._real = found, real

    def __getitem__(self, place: int) -> Any:
        return self._real(self._found[place])

    def __setitem__(self, place: int, value: Any) -> None:
        self._found[place] = self._narrowed(value)

    def rounded(self, value: Any) -> Any:
        """A number as it is loaded again once it's stored."""
        return self._real(self._narrowed(value).astype(self._found.dtype))

    def _narrowed(self, value: Any) -> Any:
        """A float32 that rounds as the number does.

        It isn't larger in magnitude, and its last bit is set where it's inexact.
        """
        near = np.float32(value)
        if near == value or not np.isfinite(value) or self._found.dtype.itemsize != 2:
            return near
        if abs(near) > abs(value):
            near = np.nextafter(near, np.float32(0))
        return np.uint32(near.view(np.uint32) | 1).view(np.float32)


def block(addresses: Array, tensor: int, column: int, here: tuple[int, ...], of: Formats) -> Any:
    """A stretch of a buffer. Raises ValueError for storage that only compiled code has."""
    first, _, size, _, _ = here
    try:
        stored = np.dtype(of.storage(column) or of.real)
    except TypeError:
        message = f"the backend numpy has no {of.storage(column)!r}; round to nearest, and store"
        raise ValueError(f"{message} states as numbers") from None
    found = view(int(addresses[tensor, column]) + int(first) * stored.itemsize, size, stored)
    return found if stored == of.real else Stored(found, of.real)


def store(some: Any, index: int, position: int, value: Any) -> None:
    """Store an element of a block."""
    some[index] = value


def as_stored(some: Any, index: int, position: int, value: Any) -> Any:
    """A number as it is loaded again once it's stored."""
    return some.rounded(value) if isinstance(some, Stored) else value


def view(address: int, count: int, real: Any) -> Array:
    """The elements that begin at an address, as an array of that memory."""
    if not count:
        return np.zeros(0, real)
    memory = (ctypes.c_char * (int(count) * np.dtype(real).itemsize)).from_address(int(address))
    return np.frombuffer(memory, real)


def number_at(address: int, real: Any) -> Any:
    """The number at an address."""
    return view(address, 1, real)[0]


def add(total: Any, term: Any) -> Any:
    """A sum in the order of the terms."""
    return total + term


_SMALL = {name: f for name, f in vars(small_functions).items() if inspect.isfunction(f)}


def _folds() -> dict[str, FunctionType]:
    """The functions that fold results, with those that they call, not compiled."""
    compiled = {name: f.py_func for name, f in vars(folds).items() if _is_own(f)}
    scope = {**vars(folds), **_SMALL, "view": view, "float64": np.float64}
    found = {name: FunctionType(f.__code__, scope) for name, f in compiled.items()}
    scope |= found
    return found


def _is_own(value: Any) -> bool:
    return hasattr(value, "py_func") and value.__module__ == folds.__name__


#: In place of what kernels import, by name.
STAND_INS: Mapping[str, Any] = {
    **_SMALL,
    **_folds(),
    **dict(
        zip(("normal", "uniform", "random_sign"), compiled_draws(undecorated, np.log), strict=True)
    ),
    **{name: getattr(np, name) for name in ("exp", "floor", "log", "sqrt", "tanh")},
    "AHEAD": 0,
    "BLOCK": BLOCK,
    "add_in_any_order": add,
    "as_stored": as_stored,
    "atan2": np.arctan2,
    "block": block,
    "encode": lambda some: None,
    "float64": np.float64,
    "flush_denormals": lambda: 0,
    "function": undecorated,
    "int64": np.int64,
    "kernel": kernel,
    "larger": np.maximum,
    "long_block": lambda formats, is_rough: BLOCK,
    "number_at": number_at,
    "restore": lambda mode: None,
    "smaller": np.minimum,
    "store": store,
    "strips": lambda streams: (BLOCK, 0),
    "sum_in_order": sum,
    "view": view,
}
