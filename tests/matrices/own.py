"""Rules with functions of whole matrices, built from the specs beside this file."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from types import ModuleType
from typing import Any

from optgen.compiler.build import build, prepare
from optgen.compiler.library import find_specs

NAMES = ("Ortho", "Beside", "Rooted", "Rotated")
SPECS = Path(__file__).with_name("specs")


class _Silent:
    def compiled(self, name: str) -> None:
        pass

    def done(self, name: str, status: str) -> None:
        pass


@cache
def package() -> ModuleType:
    """The package that the specs are built into."""
    folder = Path(mkdtemp())
    build(prepare(find_specs([str(SPECS)])), folder / "rules_with_matrices", _Silent())
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("rules_with_matrices")
    finally:
        sys.path.remove(str(folder))


def rule(name: str) -> Any:
    """The optimizer class of a rule."""
    return getattr(package(), name)
