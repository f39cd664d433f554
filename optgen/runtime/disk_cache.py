"""Atomic cache files of compiled code, verified by digest."""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from pathlib import Path

_DIGEST = hashlib.sha256().digest_size


class Kept:
    """A folder with one file for each key: a digest, then the content.

    A file that is damaged, out of date by the ``stamp``, or another key's counts as absent. The
    key makes the name, so that processes that keep different things never meet.
    """

    def __init__(self, folder: Path, base: str, ending: str, stamp: str) -> None:
        self._folder, self._base, self._ending, self._stamp = folder, base, ending, stamp

    def load(self, key: object) -> bytes | None:
        """What was kept under a key; None where there is nothing that can be believed."""
        try:
            data = self._path(key).read_bytes()
        except OSError:
            return None
        digest, content = data[:_DIGEST], data[_DIGEST:]
        return content if digest == self._digest(key, content) else None

    def save(self, key: object, content: bytes) -> None:
        """Put a whole file in its place at once, unless the disk is full or the folder gone."""
        path = self._path(key)
        unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex[:16]}")
        with contextlib.suppress(OSError):
            try:
                unfinished.write_bytes(self._digest(key, content) + content)
                os.replace(unfinished, path)
            finally:
                unfinished.unlink(missing_ok=True)

    def _path(self, key: object) -> Path:
        name = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        return self._folder / f"{self._base}.{name}.{self._ending}"

    def _digest(self, key: object, content: bytes) -> bytes:
        return hashlib.sha256(f"{self._stamp}\n{key!r}\n".encode() + content).digest()
