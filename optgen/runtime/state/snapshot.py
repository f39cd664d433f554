"""A snapshot: everything needed to resume a run, as plain values."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optgen.runtime.codes import storage_of

Array = np.ndarray[Any, np.dtype[Any]]
#: A variable path and a state name.
Key = tuple[str, str]

#: So many differences are told one by one.
_MOST = 12


class StateError(ValueError):
    """A state that can't be read, or doesn't fit; nothing was changed."""


@dataclass(frozen=True)
class Snapshot:
    """The state of an optimizer between two calls.

    ``spec`` is the digest of its rule, ``config`` its configuration, ``variables`` the shape
    and dtype of each variable by path. All but ``arrays`` is what JSON can hold.
    """

    optimizer: str
    spec: str
    config: Mapping[str, Any]
    counters: Mapping[str, Any]
    variables: Mapping[str, tuple[tuple[int, ...], str]]
    arrays: Mapping[Key, Array]


def check_fits(found: Snapshot, wanted: Snapshot, source: str, remedy: str = "") -> None:
    """Raise StateError, naming all that differs, where one state can't replace the other.

    A ``remedy`` says what to do then.
    """
    told = list(differences(found, wanted))
    if told:
        shown = "; ".join(told[:_MOST])
        more = f"; and {len(told) - _MOST} more" if len(told) > _MOST else ""
        raise StateError(f"{source} doesn't fit this {wanted.optimizer}: {shown}{more}{remedy}")


def differences(found: Snapshot, wanted: Snapshot) -> Iterator[str]:
    """In words, what a state has otherwise than it is wanted."""
    if found.optimizer != wanted.optimizer:
        yield f"it is the state of {found.optimizer}"
        return
    if set(found.counters) != set(wanted.counters):
        counters = ", ".join(sorted(set(found.counters) ^ set(wanted.counters)))
        yield f"only one of them counts {counters}"
    yield from _different_variables(found, wanted)
    lost = set(wanted.variables) ^ set(found.variables)
    for path, state in wanted.arrays:
        if (path, state) not in found.arrays and path not in lost:
            yield f"{path!r} has no state {state!r}"
    for (path, state), array in found.arrays.items():
        expected = wanted.arrays.get((path, state))
        if path in lost:
            continue
        if expected is None:
            yield f"{path!r} has a state {state!r} too many"
        elif (array.shape, array.dtype) != (expected.shape, expected.dtype):
            kinds = f"{_kind_of(array)}, not {_kind_of(expected)}"
            yield f"the state {state!r} of {path!r} is {kinds}"


def _different_variables(found: Snapshot, wanted: Snapshot) -> Iterator[str]:
    surplus = [path for path in found.variables if path not in wanted.variables]
    for path, kind in wanted.variables.items():
        if path not in found.variables:
            near = difflib.get_close_matches(path, surplus, n=1)
            renamed = f" (it has {near[0]!r})" if near else ""
            yield f"it has no variable {path!r}{renamed}"
        elif found.variables[path] != kind:
            yield f"{path!r} is {_kind(*found.variables[path])}, not {_kind(*kind)}"
    for path in surplus:
        yield f"it has a variable {path!r} too many"


def _kind(shape: tuple[int, ...], dtype: object) -> str:
    return f"{dtype} of shape {shape}"


def _kind_of(array: Array) -> str:
    return _kind(array.shape, storage_of(array.dtype))
