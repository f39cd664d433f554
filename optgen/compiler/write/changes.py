"""The changes that a build would make in a folder, computed before any is made."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from optgen.compiler.ir.source import MARK, Source
from optgen.compiler.write.folder import is_inside, read
from optgen.compiler.write.manifest import MANIFEST, Manifest, digest, manifest_of, read_manifest


@dataclass(frozen=True)
class Changes:
    """Sources that differ from the files on disk, and files that no spec generates any more.

    ``kept`` are the obsolete files that remain because they, or other files of their module, were
    edited. ``manifest`` is the manifest of the package after the build, ``meantime`` the manifest
    while files are moved.
    """

    written: tuple[Source, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]
    manifest: Manifest
    meantime: Manifest


def changes_of(sources: Sequence[Source], out: Path, *, whole: bool, force: bool) -> Changes:
    """The changes after which a package holds some sources, and only these if ``whole``.

    Raises FileExistsError, which names every file, rather than replace a file that was not
    generated or, without ``force``, was edited since.
    """
    old = _known(sources, out, whole=whole)
    texts = {source.path: _read_own(source.path, out) for source in sources}
    written = tuple(source for source in sources if texts[source.path] != source.text)
    # An empty package file has no content to lose.
    empty = {s.path for s in written if s.path.endswith("__init__.py") and texts[s.path] == ""}
    there = {s.path: t for s in written if s.path not in empty and (t := texts[s.path]) is not None}
    _refuse_replacing(there, old, out, force=force)
    others = _others(sources, old, out)
    if whole:
        # An edited class is kept with its kernels, and edited kernels with their class.
        edited = [Path(p).name for p, text in others.items() if not _may_go(p, text, old, force)]
        kept = [path for path in others if Path(path).name in edited]
    else:
        kept = [path for path in others if path in old.files]
        _refuse_half_built(sources, others, old, out)
    removed = [path for path in others if path not in kept]
    files = {**manifest_of(sources).files, **{path: old.digests(path)[0] for path in kept}}
    replaced = {**there, **{path: others[path] for path in removed}}
    return Changes(
        written,
        tuple(removed),
        tuple(kept) if whole else (),
        Manifest(files),
        Manifest(
            files, {p: (*old.digests(p), digest(text)) for p, text in sorted(replaced.items())}
        ),
    )


def stale(sources: Sequence[Source], out: Path, *, whole: bool) -> str:
    """The differences of a whole package and its obsolete files; empty if there are none."""
    old = _known(sources, out, whole=whole)
    others = _others(sources, old, out)
    kept = {} if whole else {path: old.files[path] for path in others if path in old.files}
    manifest = Manifest({**manifest_of(sources).files, **kept}).source()
    differences = [difference(source, out) for source in (*sources, manifest)]
    return "".join([*differences, *(f"{out / p} has no spec\n" for p in others if p not in kept)])


def difference(source: Source, out: Path) -> str:
    """The difference from the file on disk, as a unified diff; empty if there is none."""
    path = out / source.path
    old = read(path)
    if old == source.text:
        return ""
    if old is None:
        return f"{path} is missing\n"
    lines = difflib.unified_diff(
        old.splitlines(keepends=True),
        source.text.splitlines(keepends=True),
        f"{path} (as it is)",
        f"{path} (as generated)",
        n=1,
    )
    return "".join(lines)


#: The digest of no text: a file listed with it counts as edited.
_UNKNOWN = "0" * 32


def _known(sources: Sequence[Source], out: Path, *, whole: bool) -> Manifest:
    """The manifest of a package; without a manifest, no file counts as unmodified.

    A partial build also lists the other generated files, so that the package keeps them.
    """
    found = read_manifest(out)
    if found is not None or whole:
        return found or Manifest({})
    folders = sorted({(out / source.path).parent for source in sources})
    paths = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    generated = [path for path in paths if (read(path) or "").startswith(MARK)]
    return Manifest({path.relative_to(out).as_posix(): _UNKNOWN for path in generated})


def _read_own(path: str, out: Path) -> str | None:
    """The text of a file that a build writes. Raises OSError if writing it is not allowed."""
    file = out / path
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder; move it or choose another --out")
    if file.parent.exists() and not file.parent.is_dir():
        raise NotADirectoryError(f"{file.parent} is a file; move it or choose another --out")
    if file.is_symlink() or not is_inside(path, out):
        message = "is behind a link or in another package; move that or choose another --out"
        raise FileExistsError(f"{file} {message}")
    return read(file)


def _others(sources: Sequence[Source], old: Manifest, out: Path) -> dict[str, str]:
    """The files in a package's own folder that its manifest lists besides some sources."""
    own = {source.path for source in sources}
    paths = [path for path in old.paths if path not in own]
    return {p: read(out / p) or "" for p in paths if (out / p).is_file() and is_inside(p, out)}


def _may_go(path: str, text: str, old: Manifest, force: bool) -> bool:
    return text.startswith(MARK) and (force or old.knows(path, text))


def _refuse_replacing(there: Mapping[str, str], old: Manifest, out: Path, *, force: bool) -> None:
    listed = old.paths
    foreign = [p for p, text in there.items() if not text.startswith(MARK) and p not in listed]
    _refuse(foreign, out, "not generated by optgen", "move it or choose another --out")
    edited = [path for path, text in there.items() if not old.knows(path, text)]
    hint = "change the spec instead, or pass --force to overwrite"
    what = "edited after being generated"
    if not {*old.files.values()} - {_UNKNOWN}:
        lacks = "can't be read" if (out / MANIFEST).exists() else "is missing"
        what = f"perhaps edited: {MANIFEST}, which tells an edit from an older version, {lacks}"
        hint = "pass --force once to overwrite"
    if not force:
        _refuse(edited, out, what, hint)


def _refuse_half_built(
    sources: Sequence[Source], others: Mapping[str, str], old: Manifest, out: Path
) -> None:
    """Refuse to add to a package if a build of other specs was interrupted."""
    if old.replaced:
        rest = {*old.files} - {source.path for source in sources}
        half = [p for p in sorted(rest) if p not in others or digest(others[p]) != old.files[p]]
        _refuse(half, out, "left behind by a build that was cut off", "run that build again first")


def _refuse(paths: Sequence[str], out: Path, what: str, hint: str) -> None:
    if paths:
        files = f"{out / paths[0]} was"
        if len(paths) > 1:
            files = "".join(f"\n  {out / path}" for path in paths) + "\nwere"
        raise FileExistsError(f"{files} {what}; {hint}. Nothing was changed")
