"""Compiled kernels kept on disk. All that touches the internals of Numba's cache is here.

Kernels are kept where Numba would keep them: beside the file where that can be written, else in
the user's cache directory. A file is believed only after its digest: one that is damaged, out of
date or another kernel's counts as absent, so that the kernel is compiled again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import uuid
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache, NullCache
from numba.core.serialize import dumps

_DIGEST = hashlib.sha256().digest_size


def cache_of(function: Callable[..., None]) -> Any:
    """The cache of a function's compiled forms; it keeps none where no folder can be written."""
    try:
        return _Cache(function)
    except RuntimeError:  # Numba found no folder that it may write to.
        return NullCache()


class _Cache(FunctionCache):  # type: ignore[misc]
    """Numba's cache of a function, over files of our own."""

    def __init__(self, function: Callable[..., None]) -> None:
        super().__init__(function)
        stamp = (numba.__version__, self._impl.locator.get_source_stamp(), _helpers_stamp())
        self._cache_file = _Files(Path(self._cache_path), self._impl.filename_base, repr(stamp))

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep a compiled form, unless the disk is full or the folder gone by now."""
        with contextlib.suppress(OSError):
            super().save_overload(signature, compiled)


class _Files:
    """One file for each compiled form: a digest, then what was compiled.

    Numba's own layout, an index and numbered data files, may give two forms one number when two
    processes save at once, and then loads the wrong one. Here the key makes the name.
    """

    def __init__(self, folder: Path, base: str, stamp: str) -> None:
        self._folder, self._base, self._stamp = folder, base, stamp

    def load(self, key: object) -> Any:
        """What was saved under a key; None where there is nothing that can be believed."""
        try:
            data = self._path(key).read_bytes()
        except OSError:
            return None
        digest, content = data[:_DIGEST], data[_DIGEST:]
        return pickle.loads(content) if digest == self._digest(key, content) else None

    def save(self, key: object, compiled: object) -> None:
        """Put a whole file in its place at once: no reader sees a part of one."""
        content = dumps(compiled)
        path = self._path(key)
        unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex[:16]}")
        try:
            unfinished.write_bytes(self._digest(key, content) + content)
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)

    def _path(self, key: object) -> Path:
        name = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        return self._folder / f"{self._base}.{name}.nbc"

    def _digest(self, key: object, content: bytes) -> bytes:
        return hashlib.sha256(f"{self._stamp}\n{key!r}\n".encode() + content).digest()


@cache
def _helpers_stamp() -> str:
    """A digest of what Numba compiles into kernels without asking whether it has changed."""
    sources = sorted(
        (file.name, file.read_bytes())
        for file in files(__package__).iterdir()
        if file.name.endswith(".py")
    )
    return hashlib.sha256(repr(sources).encode()).hexdigest()
