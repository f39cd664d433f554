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
#: Modules of a package and of its folders; a manifest lists no other files.
_PATH = re.compile(r"([a-z][a-z0-9_]*/)?(__init__|[a-z][a-z0-9_]*)\.py")
_DIGEST = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Manifest:
    """The files of a package by path, with their digests.

    While a build moves its files in place, ``replaced`` holds the digests of the files that are
    replaced or removed. It remains if a build is killed, so that the next build also recognizes the
    old texts as generated.
    """

    files: Mapping[str, str]
    replaced: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def paths(self) -> tuple[str, ...]:
        """All listed paths."""
        return tuple(sorted({*self.files, *self.replaced}))

    def knows(self, path: str, text: str) -> bool:
        """Whether a text was generated for a path."""
        return digest(text) in self.digests(path)

    def digests(self, path: str) -> tuple[str, ...]:
        """The digests of the texts that were generated for a path."""
        own = (self.files[path],) if path in self.files else ()
        return (*own, *self.replaced.get(path, ()))

    def source(self) -> Source:
        """The manifest as a source file."""
        content: dict[str, object] = {"files": dict(self.files)}
        if self.replaced:
            content["replaced"] = {path: list(each) for path, each in self.replaced.items()}
        return Source(MANIFEST, json.dumps(content, indent=1, sort_keys=True) + "\n")


def digest(text: str) -> str:
    """128 bits of a text's SHA-256; it ignores line endings, since git may convert them."""
    return hashlib.sha256("\n".join(text.splitlines()).encode()).hexdigest()[:32]


def manifest_of(sources: Iterable[Source]) -> Manifest:
    """The manifest of some files."""
    return Manifest({source.path: digest(source.text) for source in sources})


def read_manifest(out: Path) -> Manifest | None:
    """The manifest of a package; None if there is none, as in packages older than manifests.

    An unreadable manifest, or one that lists files that no build lists, counts as empty: all
    generated files of the package then count as edited.
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
