"""Arrays of dtypes that file formats lack: as bytes or whole numbers, beside what they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from optgen.runtime.state.snapshot import Array

#: What JSON holds of the dtype of such an array: its name, or the fields of a record.
Form = Any


def encoded(array: Array) -> tuple[Array, Form]:
    """An array that any format holds, and what its elements are; None where they are themselves.

    A record becomes a row of bytes.
    """
    if array.dtype.kind != "V":
        return array, None
    if array.dtype.names is None:
        return array.view(f"u{array.dtype.itemsize}"), array.dtype.name
    dense = np.ascontiguousarray(array)
    rows = dense.reshape(-1).view(np.uint8).reshape(*array.shape, array.dtype.itemsize)
    return rows, [[name, *map(_listed, rest)] for name, *rest in array.dtype.descr]


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def decoded(array: Array, form: Form) -> Array:
    """The array of which ``encoded`` made these. Raises TypeError or ValueError for others."""
    if form is None:
        return array
    if isinstance(form, str):
        return array.view(np.dtype(form))
    fields = np.dtype([(name, kind, *map(tuple, shape)) for name, kind, *shape in form])
    return np.ascontiguousarray(array).reshape(-1).view(fields).reshape(array.shape[:-1])
