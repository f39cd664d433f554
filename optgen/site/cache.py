"""Facts of earlier builds, by a digest of all that they depend on."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from optgen.compiled.user_folder import user_folder
from optgen.compiler.library import (
    feature_files,
    function_files,
    optional_feature_files,
    read_templates,
)
from optgen.compiler.pipeline import load_file
from optgen.data import PACKAGE

#: Facts that no build has used for so many seconds are removed.
_OLDEST = 30 * 24 * 3600.0
#: The code and data that facts follow from, besides the specs that they are about.
_CODE = (
    "compiler/**/*.py",
    "analysis/**/*.py",
    "site/facts/*.py",
    "site/scripts.py",
    "cli/*_report.py",
)


class Cache:
    """A folder with a file of JSON for each digest."""

    def __init__(self, folder: Path | None = None) -> None:
        """``folder`` is by default one in the user's cache directory."""
        self._folder = folder or user_folder() / "site"

    def get(self, key: str) -> Any | None:
        """What was put there; None if there is nothing, or nothing that can be read."""
        path = self._path(key)
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            path.touch()
        except (OSError, ValueError):
            return None
        return found

    def put(self, key: str, facts: object) -> None:
        """Keep facts; a folder that can't be written keeps none."""
        path = self._path(key)
        part = path.with_suffix(f".{os.getpid()}.tmp")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(facts), encoding="utf-8")
            part.replace(path)

    def forget_old(self) -> None:
        """Remove what wasn't used for a month."""
        limit = time.time() - _OLDEST
        with suppress(OSError):
            for path in self._folder.iterdir():
                if path.stat().st_mtime < limit:
                    path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def key_of(kind: str, files: Iterable[Path]) -> str:
    """The digest of facts of a kind about some specs: of these, and of all that analyses them."""
    parts = [kind, _surroundings()]
    for file in files:
        parts += [part for pair in load_file(file).digests for part in pair]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@cache
def _surroundings() -> str:
    """The digest of the compiler, the analyses and the specs around every rule."""
    found = hashlib.sha256()
    code = [path for pattern in _CODE for path in sorted(PACKAGE.glob(pattern))]
    slots = [feature_files()[0].parents[1] / "slots.toml"]
    features = (*feature_files(), *optional_feature_files())
    for path in (*code, *features, *function_files(), *slots):
        found.update(path.read_bytes())
    templates = read_templates().texts
    for name in sorted(name for name in templates if not name.startswith("site/")):
        found.update(templates[name].encode())
    return found.hexdigest()
