"""The archives that a wheel has in place of the files of targets, one for each.

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

#: Targets whose files are in archives; ``setup.py`` makes these.
TARGETS = ("cpu", "cuda", "jax", "keras", "torch")


def extend(path: MutableSequence[str]) -> None:
    """Add the archives to the folders that a package's modules are imported from."""
    path.extend(str(Path(path[0]) / f"{target}.zip") for target in TARGETS)


def archived(path: Path) -> str | None:
    """The text of a built-in target's file that is in an archive; None if there is none."""
    if path.parent.parent != generated_folder():
        return None
    return _texts(path.parent.with_suffix(".zip")).get(_member(path))


def real_file(path: Path) -> Path:
    """A path itself, or for one inside of an archive, a copy that this process keeps."""
    if path.is_file():
        return path
    copy = _copies() / _member(path)
    copy.parent.mkdir(exist_ok=True)
    copy.write_text(_texts(path.parent.parent)[_member(path)], encoding="utf-8")
    return copy


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
