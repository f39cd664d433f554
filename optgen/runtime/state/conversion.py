"""Conversion of saved states to the storage of another optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from optgen.runtime.dtypes import DTYPES
from optgen.runtime.state.rounded import Rounded
from optgen.runtime.state.snapshot import Array, Key, Snapshot


def converted(found: Snapshot, wanted: Snapshot) -> tuple[Snapshot, Rounded]:
    """A state in the storage of another one, and what was rounded; the rest stays as it is.

    Variables may have another dtype than those that it was saved with.
    """
    rounded = Rounded()
    arrays: dict[Key, Array] = {}
    for key, array in found.arrays.items():
        like = wanted.arrays.get(key)
        arrays[key] = array if like is None else _stored(array, like.dtype)
        if not _are_same(array, arrays[key]):
            rounded.add(key[1], array.dtype.name, arrays[key].dtype.name)
    variables = _with_dtypes(found.variables, wanted.variables)
    return replace(found, arrays=arrays, variables=variables), rounded


def _stored(array: Array, dtype: np.dtype[Any]) -> Array:
    """Numbers in another dtype; arrays of anything else unchanged."""
    if array.dtype == dtype or not {array.dtype, dtype} <= DTYPES.keys():
        return array
    with np.errstate(over="ignore"):
        return array.astype(dtype)


def _are_same(array: Array, other: Array) -> bool:
    if array.dtype == other.dtype:
        return True
    return np.array_equal(array.astype(np.float64), other.astype(np.float64), equal_nan=True)


Forms = Mapping[str, tuple[tuple[int, ...], str]]


def _with_dtypes(found: Forms, wanted: Forms) -> Forms:
    return {
        path: (shape, wanted[path][1] if path in wanted else dtype)
        for path, (shape, dtype) in found.items()
    }
