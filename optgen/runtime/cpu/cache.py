"""The disk cache of compiled CPU kernels. Only this module uses internals of Numba's cache.

The cache directory is Numba's: next to the source file if writable, else the user's cache
directory. Invalid files are discarded, and the kernel is compiled again.
"""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import sys
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache, NullCache
from numba.core.serialize import dumps

from optgen.runtime import small_functions
from optgen.runtime.disk_cache import Kept


def cache_of(function: Callable[..., Any]) -> Any:
    """The cache of a function's compiled forms; it keeps none where no folder can be written."""
    try:
        return _Cache(function)
    except RuntimeError:  # Numba found no folder that it may write to.
        return NullCache()


class _Cache(FunctionCache):  # type: ignore[misc]
    """Numba's cache of a function, over files of our own."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        source = self._impl.locator.get_source_stamp()
        stamp = (numba.__version__, source, _helpers_stamp(), _beside(function))
        folder, base = Path(self._cache_path), self._impl.filename_base
        self._cache_file = _Pickles(Kept(folder, base, "nbc", repr(stamp)))

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep a compiled form, unless the disk is full or the folder gone by now."""
        with contextlib.suppress(OSError):
            super().save_overload(signature, compiled)


class _Pickles:
    """Compiled forms as files, in place of Numba's own layout.

    That one, an index and numbered data files, may give two forms one number when two processes
    save at once, and then loads the wrong one.
    """

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def load(self, key: object) -> Any:
        """A compiled form; None where there is none, or one of a module that isn't found here."""
        content = self._kept.load(key)
        if content is None:
            return None
        try:
            return pickle.loads(content)
        except ModuleNotFoundError:
            return None

    def save(self, key: object, compiled: object) -> None:
        """Keep a compiled form."""
        self._kept.save(key, dumps(compiled))


@cache
def _helpers_stamp() -> str:
    """A digest of what Numba compiles into kernels without asking whether it has changed."""
    sources = sorted(
        (file.name, file.read_bytes())
        for file in (*files(__package__).iterdir(), Path(small_functions.__file__))
        if file.name.endswith(".py")
    )
    return hashlib.sha256(repr(sources).encode()).hexdigest()


def _beside(function: Callable[..., Any]) -> str:
    """A digest of what generated kernels take from their package: columns, shared functions."""
    package = function.__module__.rpartition(".")[0]
    names = (f"{name}.features" for name in (package, package.rpartition(".")[0]))
    found = [sys.modules[name] for name in names if name in sys.modules]
    texts = [module.__loader__.get_data(module.__file__) for module in found]  # type: ignore
    return hashlib.sha256(repr(texts).encode()).hexdigest()
