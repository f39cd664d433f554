"""The folder of a generated package: its contents, and a lock against concurrent builds."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from optgen.archive import archived
from optgen.compiler.ir.source import MARK
from optgen.compiler.write.manifest import read_manifest

if sys.platform != "win32":
    import fcntl

#: The pattern of staging folders, which hold the files of a build until they are moved.
STAGING = ".optgen-*.tmp"
_CLASS = re.compile(r"^class (\w+)\((?:Featured|Schedule)\):", re.MULTILINE)


def read(path: Path) -> str | None:
    """The text of a file, perhaps in an installed archive; None if the file doesn't exist."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return archived(path)
    except UnicodeDecodeError:
        return "\0"


def is_inside(path: str, out: Path) -> bool:
    """Whether a path is in a package itself: not through a link, and not in another package."""
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
    """Raise OSError for a path that can't be a folder."""
    if out.is_symlink() and not out.exists():
        raise FileExistsError(f"{out} is a link that leads nowhere; choose another --out")
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out} is a file; choose a folder with --out")


@contextlib.contextmanager
def opened(out: Path) -> Iterator[None]:
    """Create and lock a folder against other builds; remove it again if it stays empty.

    Raises OSError if that fails.
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
                folder.rmdir()  # Succeeds only for an empty folder.


@contextlib.contextmanager
def saying(what: str, outcome: str) -> Iterator[None]:
    """Add a message to system errors: the operation that failed, the cause, and the outcome."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(f"{what}: {reason}. {outcome}") from error


@contextlib.contextmanager
def _held(out: Path) -> Iterator[bool]:
    """Wait for the lock of other builds; the system releases the lock of a killed process.

    Yields False if the system can't lock a folder, so that another build may be running. In that
    case, a class whose kernels come from another build is refused.
    """
    if sys.platform == "win32":
        yield False
        return
    with saying(f"{out} can't be read", "Nothing was changed"):
        handle = os.open(out, os.O_RDONLY)
    try:
        is_held = False
        with contextlib.suppress(OSError):  # Some network file systems don't support locks.
            fcntl.flock(handle, fcntl.LOCK_EX)
            is_held = True
        yield is_held
    finally:
        os.close(handle)


def _remove_stale(out: Path) -> None:
    """Remove the staging folders of killed builds; the lock excludes running builds."""
    manifest = read_manifest(out)
    listed = [] if manifest is None else [path for path in manifest.paths if is_inside(path, out)]
    for folder in {out, *((out / path).parent for path in listed)}:
        for path in folder.glob(STAGING):
            with contextlib.suppress(OSError):
                if path.is_symlink() or path.is_file():
                    path.unlink()
                else:
                    shutil.rmtree(path)
