"""Bulk access to the headers of NumPy arrays.

Reading an array's address, shape and strides takes a microsecond in Python, and a step may have
thousands of arrays. NumPy's C ABI fixes their offsets, so compiled code reads them directly; if the
offsets can't be verified, arrays are read one by one.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

from optgen.runtime.cpu.jit import looking
from optgen.runtime.cpu.pointers import number_at, view

Array = np.ndarray[Any, np.dtype[Any]]
Host = np.ndarray[Any, np.dtype[np.int64]]
int32, int64 = np.int32, np.int64
#: Where an array keeps what it is, in bytes behind its own address.
TYPE, DATA, DIMENSIONS, SHAPE, STRIDES, DTYPE, FLAGS = 8, 16, 24, 32, 40, 56, 64
#: Where a list keeps the addresses of its items.
ITEMS = 24
#: What NumPy sets in the flags of an array that may be written.
WRITEABLE = 0x0400


@looking
def first_odd(
    arrays: int,
    count: int,
    kind: int,
    shapes: Host,
    places: Host,
    dtypes: Host,
    itemsizes: Host,
    addresses: Host,
    flags: int,
) -> int:
    """The first array of a list that isn't as it should be, or their number; where others are.

    Row k of ``places`` says how many dimensions array k must have, and where in ``shapes`` its
    lengths and strides begin.
    """
    headers = view(number_at(arrays + ITEMS, int64), count, int64)
    for k in range(count):
        header = headers[k]
        if number_at(header + TYPE, int64) != kind or number_at(header + DTYPE, int64) != dtypes[k]:
            return k
        dimensions, first = places[k, 0], places[k, 1]
        if number_at(header + DIMENSIONS, int32) != dimensions:
            return k
        if number_at(header + FLAGS, int32) & flags != flags:
            return k
        lengths = view(number_at(header + SHAPE, int64), dimensions, int64)
        strides = view(number_at(header + STRIDES, int64), dimensions, int64)
        for axis in range(dimensions):
            if lengths[axis] != shapes[first + axis, 0] or strides[axis] != shapes[first + axis, 1]:
                return k
        addresses[k] = number_at(header + DATA, int64)
        if addresses[k] % itemsizes[k]:
            return k
    return count


@looking
def are_items(arrays: int, known: Host) -> int:
    """Whether the items of a list are at known addresses."""
    items = view(number_at(arrays + ITEMS, int64), known.size, int64)
    for k in range(known.size):
        if items[k] != known[k]:
            return 0
    return 1


@looking
def first_touching(addresses: Host, sizes: Host, starts: Host, ends: Host) -> int:
    """The first stretch of memory that touches one of others, which are sorted; or their number."""
    for k in range(addresses.size):
        start, end = addresses[k], addresses[k] + sizes[k]
        low, high = 0, starts.size
        while low < high:
            middle = (low + high) // 2
            if starts[middle] < end:
                low = middle + 1
            else:
                high = middle
        if sizes[k] and low and ends[low - 1] > start:
            return k
    return addresses.size


class Headers:
    """What the headers of arrays must say for kernels to be pointed at them in place of others."""

    def __init__(self, arrays: list[Array], written: Iterable[tuple[int, int]]) -> None:
        """``written`` are first and past-the-end byte of memory that others may not touch."""
        self._arrays = list(arrays)
        interfaces = [array.__array_interface__ for array in arrays]
        self._own = np.array([one["data"][0] for one in interfaces], int64)
        counts = [array.ndim for array in arrays]
        firsts = np.cumsum([0, *counts[:-1]]) if counts else np.zeros(0)
        self._places = np.array([counts, firsts], int64).T.copy()
        pairs = [pair for array in arrays for pair in zip(array.shape, array.strides, strict=True)]
        self._shapes = np.array(pairs, int64).reshape(-1, 2)
        self._dtypes = np.array([id(array.dtype) for array in arrays], int64)
        self._itemsizes = np.array([array.itemsize for array in arrays], int64)
        self._sizes = np.array([array.nbytes for array in arrays], int64)
        spans = np.array(sorted(written), int64).reshape(-1, 2)
        self._starts, self._ends = spans[:, 0].copy(), spans[:, 1].copy()

    def addresses(self, arrays: list[Any]) -> Host | None:
        """Where arrays are that lie as those do; None if any needs a closer look."""
        if len(arrays) != len(self._own) or not are_readable():
            return None
        found = np.empty_like(self._own)
        odd = self._first_odd(arrays, found, 0)
        odd = min(odd, first_touching(found[:odd], self._sizes[:odd], self._starts, self._ends))
        return None if odd < len(found) else found

    def are_still_there(self) -> bool:
        """Whether the arrays certainly have the memory, form and permission that they had."""
        found = np.empty_like(self._own)
        return (
            are_readable()
            and self._first_odd(self._arrays, found, WRITEABLE) == len(found)
            and bool((found == self._own).all())
        )

    def _first_odd(self, arrays: list[Any], found: Host, flags: int) -> int:
        # What Python calls the identity of an object is where it is.
        forms = self._shapes, self._places, self._dtypes, self._itemsizes
        return first_odd(id(arrays), len(arrays), id(np.ndarray), *forms, found, flags)


@cache
def are_readable() -> bool:
    """Whether this Python's arrays have their headers where NumPy's C interface says."""
    is_known = (
        sys.implementation.name == "cpython"
        and object.__basicsize__ == TYPE + 8
        and np.ndarray.__basicsize__ >= FLAGS + 8
        and list.__basicsize__ == ITEMS + 16
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
    )
    return is_known and all(map(_says_what_it_is, _samples()))


def _samples() -> list[Array]:
    three = np.ones((2, 3, 4), np.float32)
    return [three, three[:, ::2].T, np.zeros((), np.float64), np.ones((0, 5), np.float64)]


def _says_what_it_is(array: Array) -> bool:
    said = array.__array_interface__["data"][0]
    made, found = Headers([array], []), np.empty(1, int64)
    array.flags.writeable = False
    is_closed = made._first_odd([array], found, WRITEABLE) == 0
    return is_closed and made._first_odd([array], found, 0) == 1 and int(found[0]) == said
