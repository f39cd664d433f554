"""The decorator of generated CPU kernels. All that touches Numba's internals is here.

Compiled kernels are cached where Numba would cache them: beside the file where that can be
written, else in the user's cache directory. Cache files that are damaged in any way count as
absent, so that the kernel is compiled again.
"""

from __future__ import annotations

import contextlib
import hashlib
import pickle
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import prange
from numba.core.caching import FunctionCache, IndexDataCacheFile

Array = np.ndarray[Any, np.dtype[Any]]
Kernel = Callable[..., None]
#: ``range`` for a kernel of one thread, Numba's ``prange`` for one of several.
Loop = type[range]

_DIGEST = 32


def kernel(loop: Loop) -> Callable[[Callable[..., None]], Kernel]:
    """Compile a function at its first call, in parallel where ``loop`` is ``prange``.

    The loop is a constant of the kernel, which keeps its two forms apart in the cache.
    """

    def decorate(function: Callable[..., None]) -> Kernel:
        dispatcher = numba.njit(parallel=loop is prange, error_model="numpy", nogil=True)(function)
        # Without any folder to write to, every process compiles for itself.
        with contextlib.suppress(RuntimeError):
            dispatcher._cache = _ForgivingCache(function)
        return dispatcher  # type: ignore[no-any-return]

    return decorate


class _CheckedFile(IndexDataCacheFile):  # type: ignore[misc]
    """Numba's pair of index and data files, with a digest in front of the data."""

    def _dump(self, obj: object) -> bytes:
        data: bytes = super()._dump(obj)
        return hashlib.sha256(data).digest() + data

    def _read(self, data: bytes) -> Any:
        digest, content = data[:_DIGEST], data[_DIGEST:]
        if hashlib.sha256(content).digest() != digest:
            raise pickle.UnpicklingError("damaged cache file")
        return pickle.loads(content)

    def _load_index(self) -> dict[Any, Any]:
        try:
            with open(self._index_path, "rb") as file:
                version = pickle.load(file)
                content = file.read()
            if version != self._version:
                return {}
            stamp, overloads = self._read(content)
        except Exception:  # Damaged bytes can raise anything.
            return {}
        return overloads if stamp == self._source_stamp else {}

    def _load_data(self, name: str) -> Any:
        try:
            with open(self._data_path(name), "rb") as file:
                return self._read(file.read())
        except OSError:
            raise
        except Exception as error:  # Numba takes an OSError for a file that isn't there.
            raise OSError("damaged cache file") from error


class _ForgivingCache(FunctionCache):  # type: ignore[misc]
    """Numba's cache of a function over checked files."""

    def __init__(self, function: Callable[..., None]) -> None:
        super().__init__(function)
        plain: Any = self._cache_file  # type: ignore[has-type]
        self._cache_file = _CheckedFile(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=plain._source_stamp,
        )
