"""The archives that a wheel has in place of the files of targets, and of published specs.

These files are much alike. A wheel compresses each file by itself, but an archive, which is not
compressed inside, as one: the shared text counts once.
"""

from __future__ import annotations

import atexit
import shutil
import zipfile
from collections.abc import Mapping, MutableSequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from optgen.data import generated_folder

#: The archive of each target's files; ``setup.py`` makes these.
ARCHIVES = {
    "cpu": "cpu",
    "cuda": "cuda",
    "jax": "functions",
    "keras": "functions",
    "torch": "torch",
}


def extend(path: MutableSequence[str]) -> None:
    """Add the archives to the folders that a package's modules are imported from."""
    path.extend(str(Path(path[0]) / f"{name}.zip") for name in dict.fromkeys(ARCHIVES.values()))


def holds_archives(folder: Path) -> bool:
    """Whether files of targets in a folder are in archives, which nothing changes."""
    return any((folder / f"{name}.zip").is_file() for name in ARCHIVES.values())


def archived(path: Path) -> str | None:
    """The text of a built-in target's file that is in an archive; None if there is none."""
    target = path.parent.name
    if path.parent.parent != generated_folder() or target not in ARCHIVES:
        return None
    return _texts(generated_folder() / f"{ARCHIVES[target]}.zip").get(_member(path))


def real_file(path: Path) -> Path:
    """A path itself, or for one inside of an archive, a copy that this process keeps."""
    if path.is_file():
        return path
    copy = _copies() / _member(path)
    copy.parent.mkdir(exist_ok=True)
    copy.write_text(_texts(path.parent.parent)[_member(path)], encoding="utf-8")
    return copy


@cache
def real_folder(path: Path) -> Path:
    """A folder itself, or for one in the archive of its name, copies that this process keeps."""
    if path.is_dir():
        return path
    with zipfile.ZipFile(path.with_suffix(".zip")) as members:
        members.extractall(_copies())
    return _copies() / path.name


def _member(path: Path) -> str:
    return "/".join(path.parts[-2:])


@cache
def _texts(archive: Path) -> Mapping[str, str]:
    if not archive.is_file():
        return {}
    with zipfile.ZipFile(archive) as members:
        return {name: members.read(name).decode() for name in members.namelist()}


@cache
def _copies() -> Path:
    folder = Path(mkdtemp(prefix="optgen-kernels-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
