"""The cache directory of ``optgen.compile``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

#: The variable of the environment that names another folder.
VARIABLE = "OPTGEN_CACHE_DIR"


def user_folder() -> Path:
    """The folder that the environment names, or one where the system keeps caches of a user."""
    named = os.environ.get(VARIABLE)
    return Path(named).absolute() if named else _caches() / "optgen"


def _caches() -> Path:
    try:
        home = Path.home()
    except RuntimeError:  # There is none.
        return Path(os.devnull)
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
