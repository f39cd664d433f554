"""Which folders are packages: those of ``optgen``, and three that lie beside it.

All else stands in ``pyproject.toml``.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup

BESIDE = {
    "optgen.optimizers": "generated",
    "optgen.specs": "specs",
    "optgen.templates": "templates",
}


def beside() -> list[str]:
    """The packages in folders beside ``optgen``: each folder that holds a file."""
    found = []
    for name, top in BESIDE.items():
        folders = [path for path in Path(top).rglob("*") if path.is_dir()]
        for folder in [Path(top), *folders]:
            if folder.name != "__pycache__" and any(path.is_file() for path in folder.iterdir()):
                found.append(".".join([name, *folder.relative_to(top).parts]))
    return found


setup(packages=[*find_packages(include=["optgen", "optgen.*"]), *beside()], package_dir=BESIDE)
