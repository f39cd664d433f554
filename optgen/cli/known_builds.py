"""Builds of the built-in specs that are known to change nothing, by a digest of all they read.

A file in the user's cache folder holds the names of the specs. Its own name is the digest of the
package of optgen, the specs, the templates and the generated files: if one changes, none is found.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from optgen.compiled.user_folder import user_folder
from optgen.compiler.build import Report
from optgen.data import PACKAGE, data_folder, generated_folder

#: What prints sources, besides the compiler itself.
_LIBRARIES = ("jinja2", "sympy")
#: What becomes of specs in a build after which the next one changes nothing.
_SETTLED = {"built", "current", "unchanged"}


class Recorded:
    """A report that passes everything on, and keeps the names of what is settled."""

    def __init__(self, report: Report) -> None:
        self._report, self._names = report, list[str]()
        self._is_settled = True

    def compiled(self, name: str) -> None:
        """A spec has been compiled in memory."""
        self._report.compiled(name)

    def done(self, name: str, status: str) -> None:
        """Note what became of a spec or a file."""
        self._report.done(name, status)
        self._names.append(name)
        self._is_settled &= status in _SETTLED

    def remember(self) -> None:
        """Keep the names for the next build, if it has nothing to do."""
        if not self._is_settled:
            return
        with suppress(OSError):
            path = _path()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(self._names), encoding="utf-8")


def known() -> Sequence[str]:
    """The names of the built-in specs if a build changes nothing; otherwise none."""
    try:
        names = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    return tuple(names) if isinstance(names, list) else ()


def _path() -> Path:
    return user_folder() / "builds" / f"{_digest()}.json"


def _digest() -> str:
    """Of all that a build of the built-in specs reads, and all that it would write."""
    found = hashlib.sha256(repr((sys.version, *map(_version, _LIBRARIES))).encode())
    folders = PACKAGE, data_folder("specs"), data_folder("templates"), generated_folder()
    for folder in folders:
        found.update(f"\0{folder}\0".encode())
        for path in _files(folder):
            found.update(f"{path.relative_to(folder)}\0".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:32]


def _files(folder: Path) -> Iterator[Path]:
    """Its files, without what Python and Numba keep beside them."""
    for path in sorted(folder.rglob("*")):
        if "__pycache__" not in path.parts and path.is_file():
            yield path


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
