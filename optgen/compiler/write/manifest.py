"""The manifest of a generated package: its files with digests of their text."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from optgen.compiler.ir.source import Source

MANIFEST = "manifest.json"
#: Modules of a package and of the folders in it; nothing else is in a manifest.
_PATH = re.compile(r"([a-z][a-z0-9_]*/)?(__init__|[a-z][a-z0-9_]*)\.py")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Manifest:
    """The files of a package by path, with their digests.

    While a build moves its files into place, ``replaced`` holds the digests of what they replace,
    and of files to be removed. It stays where a build is killed, so that the next one knows the
    old texts as generated too.
    """

    files: Mapping[str, str]
    replaced: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that is listed."""
        return tuple(sorted({*self.files, *self.replaced}))

    def knows(self, path: str, text: str) -> bool:
        """Whether a text was generated for a path."""
        return digest(text) in self.digests(path)

    def digests(self, path: str) -> tuple[str, ...]:
        """The digests of the texts that were generated for a path."""
        own = (self.files[path],) if path in self.files else ()
        return (*own, *self.replaced.get(path, ()))

    def source(self) -> Source:
        """The manifest as a file."""
        content: dict[str, object] = {"files": dict(self.files)}
        if self.replaced:
            content["replaced"] = {path: list(each) for path, each in self.replaced.items()}
        return Source(MANIFEST, json.dumps(content, indent=1, sort_keys=True) + "\n")


def digest(text: str) -> str:
    """A digest of a text; how its lines end doesn't count, since git may change that."""
    return hashlib.sha256("\n".join(text.splitlines()).encode()).hexdigest()


def manifest_of(sources: Iterable[Source]) -> Manifest:
    """The manifest of some files."""
    return Manifest({source.path: digest(source.text) for source in sources})


def read_manifest(out: Path) -> Manifest | None:
    """The manifest of a package; None where there is none, as before manifests.

    One that can't be read, or lists what no build lists, counts as empty: every generated file
    beside it then counts as edited.
    """
    try:
        content = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        return Manifest({})
    content = content if isinstance(content, dict) else {}
    files, replaced = content.get("files"), content.get("replaced", {})
    if not isinstance(files, dict) or not isinstance(replaced, dict):
        return Manifest({})
    every = [*files.values()]
    for digests in replaced.values():
        every += digests if isinstance(digests, list) and digests else [None]
    is_sound = all(_PATH.fullmatch(path) for path in (*files, *replaced))
    if not is_sound or not all(isinstance(d, str) and _DIGEST.fullmatch(d) for d in every):
        return Manifest({})
    return Manifest(files, {path: tuple(digests) for path, digests in replaced.items()})
