"""What follows from the built-in specs, kept in the user's cache folder between processes."""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TypeVar

import optgen
from optgen.compiled.user_folder import user_folder
from optgen.data import PACKAGE, data_folder

Kept = TypeVar("Kept")
#: Of so many versions of the code and the specs results are there at a time.
_MOST = 8


@cache
def of_compiler() -> str:
    """A digest of what turns specs into sources: the compiler, templates and built-in specs."""
    folders = [PACKAGE / "compiler", PACKAGE / "analysis", data_folder("specs")]
    files = [path for folder in (*folders, data_folder("templates")) for path in folder.rglob("*")]
    found = hashlib.sha256(optgen.__version__.encode())
    for path in sorted(path for path in files if path.is_file() and path.suffix != ".pyc"):
        found.update(f"\0{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def kept(name: str, make: Callable[[], Kept]) -> Kept:
    """What ``make`` returns, or has returned in a process with the same code and specs.

    It is a pickle in a folder whose Python modules are imported too. Where it can't be read, it is
    made again; where the folder can't be written, it isn't kept.
    """
    # Nodes have the paths of specs in them.
    parts = of_compiler(), str(data_folder("specs")), platform.python_version()
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    path = user_folder() / "kept" / f"{name}-{digest}.pickle"
    with suppress(OSError, EOFError, ValueError, pickle.UnpicklingError):
        found: Kept = pickle.loads(path.read_bytes())
        return found
    made = make()
    part = path.with_suffix(f".{os.getpid()}.tmp")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(pickle.dumps(made, pickle.HIGHEST_PROTOCOL))
        part.replace(path)
        every = path.parent.glob(f"{name}-*.pickle")
        for old in sorted(every, key=lambda one: one.stat().st_mtime)[:-_MOST]:
            old.unlink(missing_ok=True)
    return made
