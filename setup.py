"""Which folders are packages: those of ``optgen``, and three that lie beside it.

A wheel has the files of each target in an archive: see ``optgen/archive.py``. All else stands in
``pyproject.toml``.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

BESIDE = {
    "optgen.optimizers": "generated",
    "optgen.specs": "specs",
    "optgen.templates": "templates",
}
TARGETS = ("cpu", "cuda", "jax", "keras", "torch")


class BuildWithArchives(build_py):
    """Builds packages, and moves the files of targets into archives that aren't compressed."""

    def run(self) -> None:
        """Build, except for an editable install, which builds nothing."""
        super().run()
        if not self.editable_mode:
            for target in TARGETS:
                pack(Path(self.build_lib) / "optgen" / "optimizers" / target)


def pack(folder: Path) -> None:
    """Move a folder of modules into an archive beside it."""
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        # Files of nearly the same size are often most alike.
        for path in sorted(folder.glob("*.py"), key=by_size):
            # The time is always the same, so that equal sources make equal wheels.
            name = zipfile.ZipInfo(f"{folder.name}/{path.name}")
            archive.writestr(name, path.read_bytes())
    shutil.rmtree(folder)


def by_size(path: Path) -> tuple[int, str]:
    """The key of a file among others: its size, then its name."""
    return path.stat().st_size, path.name


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
    cmdclass={"build_py": BuildWithArchives},
)
