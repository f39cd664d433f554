"""The Python interpreters of this machine that optgen is declared for."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
_VERSION = re.compile(r"Programming Language :: Python :: (3\.\d+)$")


def declared() -> list[str]:
    """The versions that the project's classifiers name, such as "3.11"."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [found[1] for line in project["classifiers"] if (found := _VERSION.match(line))]


@cache
def interpreters() -> dict[str, Path]:
    """This one, and others that are installed beside it or are on the path, by version."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = {own: Path(sys.executable)}
    for version in declared():
        beside = sorted(Path(sys.base_prefix).parent.glob(f"*{version}.*/bin/python{version}"))
        for command in (*beside, Path(f"python{version}")):
            if version not in found and (path := _executable(command)):
                found[version] = path
    return found


def _executable(command: Path) -> Path | None:
    """Where an interpreter is that runs; names of some lead to a script that refuses to."""
    program = "import sys, venv; print(sys.executable)"
    try:
        done = subprocess.run([command, "-c", program], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return Path(done.stdout.strip()) if done.returncode == 0 else None
