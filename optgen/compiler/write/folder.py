"""The folder of a generated package: its contents, and a lock against concurrent builds."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from optgen.compiler.ir.source import MARK
from optgen.compiler.write.manifest import read_manifest

if sys.platform != "win32":
    import fcntl

#: What builds put aside until all of it can be moved into place.
STAGING = ".optgen-*.tmp"
_CLASS = re.compile(r"^class (\w+)\((?:Featured|Schedule)\):", re.MULTILINE)


def read(path: Path) -> str | None:
    """The text of a file; None where there is none."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return "\0"


def is_inside(path: str, out: Path) -> bool:
    """Whether a path is in a package itself: behind no link, and in no other package."""
    file = out / path
    folder = file.parent
    if file.is_symlink() or folder.resolve() != (out.resolve() / path).parent:
        return False
    return folder == out or read_manifest(folder) is None


def generated_classes(out: Path, folder: str) -> dict[str, str]:
    """The generated classes in a folder of a package, by module."""
    manifest, found = read_manifest(out), {}
    for path in sorted((out / folder).glob("*.py")):
        listed = manifest is None or path.relative_to(out).as_posix() in manifest.paths
        text = (read(path) or "") if listed else ""
        name = _CLASS.search(text)
        if text.startswith(MARK) and name:
            found[path.stem] = name[1]
    return found


def refuse_no_folder(out: Path) -> None:
    """Raise OSError for a path where there can be no folder."""
    if out.is_symlink() and not out.exists():
        raise FileExistsError(f"{out} is a link that leads nowhere; choose another --out")
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out} is a file; choose a folder with --out")


@contextlib.contextmanager
def opened(out: Path) -> Iterator[None]:
    """Make a folder and hold it against other builds; drop it again if nothing came of it.

    Raises OSError where that can't be.
    """
    refuse_no_folder(out)
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        with saying(f"{out} can't be written", "Nothing was changed"):
            out.mkdir(parents=True, exist_ok=True)
        with _held(out) as is_held:
            if is_held:
                _remove_stale(out)
            yield
    finally:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()  # Succeeds for an empty folder alone.


@contextlib.contextmanager
def saying(what: str, outcome: str) -> Iterator[None]:
    """Give errors of the system a message for users: what failed, why, and what became of it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(f"{what}: {reason}. {outcome}") from error


@contextlib.contextmanager
def _held(out: Path) -> Iterator[bool]:
    """Wait for other builds; the system lets go of the folder of a process that is killed.

    Yields False where the system can't lock a folder, so that another build may be running: a class
    whose kernels are another build's is refused then.
    """
    if sys.platform == "win32":
        yield False
        return
    with saying(f"{out} can't be read", "Nothing was changed"):
        handle = os.open(out, os.O_RDONLY)
    try:
        is_held = False
        with contextlib.suppress(OSError):  # Some network file systems have no locks.
            fcntl.flock(handle, fcntl.LOCK_EX)
            is_held = True
        yield is_held
    finally:
        os.close(handle)


def _remove_stale(out: Path) -> None:
    """Remove what builds that were killed had put aside; the folder is held, so none is alive."""
    manifest = read_manifest(out)
    listed = [] if manifest is None else [path for path in manifest.paths if is_inside(path, out)]
    for folder in {out, *((out / path).parent for path in listed)}:
        for path in folder.glob(STAGING):
            with contextlib.suppress(OSError):
                if path.is_symlink() or path.is_file():
                    path.unlink()
                else:
                    shutil.rmtree(path)
