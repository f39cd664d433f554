"""Atomic update of a package: old, new, or marked as incomplete."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from optgen.compiler.ir.source import MARK, Source
from optgen.compiler.write.changes import Changes
from optgen.compiler.write.folder import STAGING, read, saying
from optgen.compiler.write.manifest import MANIFEST, Manifest, digest

PACKAGE = "__init__.py"
_NOTHING = "Nothing was changed"
#: The manifest of a package while its files are moved; it remains if a build is killed.
UNFINISHED = f'''{MARK}: a build was cut off here.
"""A package whose build was not finished."""

raise ImportError(f"the build of {{__name__}} was cut off; run optgen build again", name=__name__)
'''


def commit(changes: Changes, out: Path) -> None:
    """Write everything to a staging folder, where a full disk does no harm, then move it in place.

    An import of the package between the first and the last rename is refused. Raises OSError.
    """
    manifest = changes.manifest.source()
    if not (changes.written or changes.removed):
        if read(out / MANIFEST) != manifest.text:
            with _staged([manifest], out) as staged:
                _move([manifest.path], staged, out)
        return
    package = next((s for s in changes.written if s.path == PACKAGE), None)
    package = package or Source(PACKAGE, read(out / PACKAGE) or "")
    modules = [source for source in changes.written if source.path != PACKAGE]
    meantime = [_meantime(changes.meantime).source(), Source(PACKAGE, UNFINISHED)]
    with (
        _staged([*modules, package, manifest], out) as new,
        _staged(meantime, out) as unfinished,
        saying(f"{out} is half built", "Run optgen build again once that is mended"),
    ):
        _move([source.path for source in meantime], unfinished, out)
        _move([source.path for source in modules], new, out)
        for path in changes.removed:
            (out / path).unlink(missing_ok=True)
            _forget(out / path)
        _move([package.path, manifest.path], new, out)


def _meantime(manifest: Manifest) -> Manifest:
    before = manifest.replaced.get(PACKAGE, ())
    replaced = {**manifest.replaced, PACKAGE: (*before, digest(UNFINISHED))}
    unique = {path: tuple(dict.fromkeys(digests)) for path, digests in replaced.items()}
    return replace(manifest, replaced=unique)


@contextlib.contextmanager
def _staged(sources: Sequence[Source], out: Path) -> Iterator[Path]:
    """A staging folder, on the same file system as the files, that holds some sources."""
    with staging_folder(out) as staging:
        with saying(f"{out} can't be written", _NOTHING):
            for source in sources:
                path = staging / source.path
                path.parent.mkdir(exist_ok=True)
                path.write_text(source.text, encoding="utf-8", newline="\n")
                path.chmod(0o644)
        yield staging


@contextlib.contextmanager
def staging_folder(out: Path) -> Iterator[Path]:
    """An empty staging folder inside another folder; it is removed afterwards."""
    before, after = STAGING.split("*")
    with saying(f"{out} can't be written", _NOTHING):
        staging = Path(tempfile.mkdtemp(dir=out, prefix=before, suffix=after))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _move(paths: Sequence[str], staging: Path, out: Path) -> None:
    for path in paths:
        (out / path).parent.mkdir(exist_ok=True)
        (staging / path).replace(out / path)
        _forget(out / path)


def _forget(path: Path) -> None:
    """Delete the bytecode: Python detects changes by size and seconds, which may be equal."""
    # An interpreter without a cache tag has no bytecode, and raises NotImplementedError.
    with contextlib.suppress(OSError, NotImplementedError):
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
