"""Identities of objects in lists and dictionaries, for change detection.

Checking thousands of objects in Python takes longer than a step. Compiled code reads lists at
CPython's offsets, and dictionaries by its function ``PyDict_Next``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from optgen.runtime.cpu.headers import ITEMS, are_readable
from optgen.runtime.cpu.jit import looking
from optgen.runtime.cpu.pointers import number_at, view

Host = np.ndarray[Any, np.dtype[np.int64]]
int64 = np.int64
#: The offset of the length of a list.
_LENGTH = 16
_BYTE = ir.IntType(8).as_pointer()


@intrinsic
def _next_entry(
    context: Any, function: Any, owner: Any, position: Any, key: Any, value: Any
) -> Any:
    """Call ``PyDict_Next`` with addresses."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [_BYTE] * 4).as_pointer()
        addresses = [builder.inttoptr(argument, _BYTE) for argument in arguments[1:]]
        return builder.call(builder.inttoptr(arguments[0], kind), addresses)

    return types.int32(*[types.int64] * 5), generate


@looking
def hold_the_same(
    lists: Host,
    lengths: Host,
    dicts: Host,
    counts: Host,
    held: Host,
    ask: int,
    entry: Host,
    at: int,
) -> int:
    """Whether lists hold the objects ``held``, and dictionaries the keys and values that follow.

    ``ask`` is the address of ``PyDict_Next``, and ``at`` that of ``entry``, where it writes the
    position, the key and the value.
    """
    place = 0
    for k in range(lists.size):
        if number_at(lists[k] + _LENGTH, int64) != lengths[k]:
            return 0
        items = view(number_at(lists[k] + ITEMS, int64), lengths[k], int64)
        for item in range(lengths[k]):
            if items[item] != held[place + item]:
                return 0
        place += lengths[k]
    for k in range(dicts.size):
        entry[0], end = 0, place + 2 * counts[k]
        while _next_entry(ask, dicts[k], at, at + 8, at + 16):
            if place == end or held[place] != entry[1] or held[place + 1] != entry[2]:
                return 0
            place += 2
        if place != end:
            return 0
    return 1


class Contents:
    """The objects in some lists and dictionaries, kept alive."""

    def __init__(self, lists: Sequence[Any], dicts: Sequence[Mapping[Any, Any]]) -> None:
        self._lists, self._dicts, self._held = list(lists), list(dicts), [*_held(lists, dicts)]
        self._ids = np.array([*map(id, self._held)], int64)
        is_known = all(type(one) is list for one in lists)
        is_known &= all(isinstance(one, dict) for one in dicts)
        self._ask = _function() if is_known else None
        self._sizes = [np.array([*map(len, some)], int64) for some in (lists, dicts)]
        self._places = [np.array([*map(id, some)], int64) for some in (lists, dicts)]
        self._entry = np.zeros(3, int64)

    @property
    def are_current(self) -> bool:
        """Whether they still hold the same objects, in the same order."""
        if self._ask is None:
            found = [*map(id, _held(self._lists, self._dicts))]
            return len(found) == len(self._ids) and bool((np.array(found) == self._ids).all())
        (lengths, counts), (lists, dicts) = self._sizes, self._places
        entry = self._entry
        return bool(
            hold_the_same(
                lists, lengths, dicts, counts, self._ids, self._ask, entry, entry.ctypes.data
            )
        )


def _held(lists: Sequence[Any], dicts: Sequence[Mapping[Any, Any]]) -> Iterator[Any]:
    entries = chain.from_iterable(one.items() for one in dicts)
    return chain(chain.from_iterable(lists), chain.from_iterable(entries))


@cache
def _function() -> int | None:
    """The address of ``PyDict_Next``; None if this Python's objects can't be read."""
    if not are_readable():
        return None
    return ctypes.cast(ctypes.pythonapi.PyDict_Next, ctypes.c_void_p).value
