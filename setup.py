"""Which folders are packages: those of ``optgen``, and three that lie beside it.

A wheel has the files of targets in archives: see ``optgen/archive.py``. All else stands in
``pyproject.toml``.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

BESIDE = {
    "optgen.optimizers": "generated",
    "optgen.specs": "specs",
    "optgen.templates": "templates",
}
#: The folders of targets that each archive holds, as ``optgen/archive.py`` has them.
ARCHIVES = {"cpu": ("cpu",), "cuda": ("cuda",), "functions": ("jax", "keras"), "torch": ("torch",)}


class BuildWithArchives(build_py):
    """Builds packages, and moves files that are much alike into archives that aren't compressed."""

    def run(self) -> None:
        """Build, except for an editable install, which builds nothing."""
        super().run()
        if not self.editable_mode:
            for archive, targets in ARCHIVES.items():
                pack(Path(self.build_lib) / "optgen" / "optimizers", archive, targets)
            pack(Path(self.build_lib) / "optgen" / "specs", "published", ("published",))
            # Digests by which a build finds edited files: nothing is built into an installation.
            (Path(self.build_lib) / "optgen" / "optimizers" / "manifest.json").unlink()


class DenseWheel(bdist_wheel):
    """Makes a wheel with the highest compression."""

    def run(self) -> None:
        """Build the wheel, and compress its files again."""
        super().run()
        # The last file that was made is its own; others may lie beside it.
        *_, (_, _, wheel) = self.distribution.dist_files
        compress(Path(wheel))


def compress(wheel: Path) -> None:
    """Write a wheel anew with the same files in the same order."""
    with zipfile.ZipFile(wheel) as archive:
        members = [(member, archive.read(member)) for member in archive.infolist()]
    with zipfile.ZipFile(wheel, "w") as archive:
        for member, data in members:
            archive.writestr(member, data, zipfile.ZIP_DEFLATED, compresslevel=9)


def pack(package: Path, name: str, folders: tuple[str, ...]) -> None:
    """Move folders with files of the same names into an archive beside them."""
    with zipfile.ZipFile(package / f"{name}.zip", "w") as archive:
        for file in alike(package / folders[-1]):
            for folder in folders:
                # The time is always the same, so that equal sources make equal wheels.
                member = zipfile.ZipInfo(f"{folder}/{file}")
                archive.writestr(member, (package / member.filename).read_bytes())
    for folder in folders:
        shutil.rmtree(package / folder)


def alike(folder: Path) -> Iterator[str]:
    """The names of files, each followed by that whose text is new by the smallest part.

    What compresses the archive finds a text again only in the last 32 kB.
    """
    left = {path.name: set(path.read_bytes().splitlines()) for path in folder.iterdir()}
    last: set[bytes] = set()

    def new(name: str) -> tuple[float, str]:
        return length(left[name] - last) / (length(left[name]) + 1), name

    while left:
        name = min(left, key=new)
        last = left.pop(name)
        yield name


def length(lines: set[bytes]) -> int:
    """The number of bytes in lines."""
    return sum(map(len, lines))


def beside() -> list[str]:
    """The packages in folders beside ``optgen``: each folder that holds a file."""
    found = []
    for name, top in BESIDE.items():
        folders = [path for path in Path(top).rglob("*") if path.is_dir()]
        for folder in [Path(top), *folders]:
            if folder.name != "__pycache__" and any(path.is_file() for path in folder.iterdir()):
                found.append(".".join([name, *folder.relative_to(top).parts]))
    return found


setup(
    packages=[*find_packages(include=["optgen", "optgen.*"]), *beside()],
    package_dir=BESIDE,
    cmdclass={"build_py": BuildWithArchives, "bdist_wheel": DenseWheel},
)
