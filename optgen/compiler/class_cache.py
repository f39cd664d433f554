"""``optgen.compile``: classes built at run time and cached by a digest of their inputs.

Each class is in its own package in the user's cache directory. A package is moved there whole and
never rewritten. Cached classes load without the compiler's dependencies.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeGuard

import optgen
import optgen.compiled
from optgen.compiled.user_folder import user_folder
from optgen.compiler.ir.problem import SpecError, UsageError
from optgen.compiler.kept import of_compiler
from optgen.compiler.write import generated_classes, opened, staging_folder
from optgen.compiler.write.manifest import digest, read_manifest
from optgen.missing_packages import require

#: Whatever names a spec: a path, or its text.
Given = str | os.PathLike[str]
_KEY_DIGITS = 32
_lock = threading.RLock()


@dataclass(frozen=True)
class _Texts:
    """Specs as they were given: files, or texts that have no file yet."""

    files: tuple[Path | str, ...]

    def key(self) -> str:
        """A name for the content of these specs, and of all that compiles them."""
        found = hashlib.sha256(of_compiler().encode())
        for file in self.files:
            for text in (
                (file.encode(errors="surrogatepass"),) if isinstance(file, str) else _read(file)
            ):
                found.update(hashlib.sha256(text).digest())
        return f"k{found.hexdigest()[:_KEY_DIGITS]}"

    @contextmanager
    def written(self) -> Iterator[dict[Path, str]]:
        """Files of all specs inside, each with the name that messages call it."""
        with tempfile.TemporaryDirectory(prefix="optgen-specs-") as name:
            shown: dict[Path, str] = {}
            texts = [file for file in self.files if isinstance(file, str)]
            for number, file in enumerate(self.files):
                if isinstance(file, Path):
                    shown[file] = ""
                    continue
                # In a folder of its own, where it has no neighbours that it could extend.
                path = Path(name) / str(number) / "spec.toml"
                path.parent.mkdir()
                path.write_bytes(file.encode(errors="surrogatepass"))
                which = f" {texts.index(file) + 1}" if len(texts) > 1 else ""
                shown[path] = f"<spec{which}>"
            yield shown


def class_of(specs: Sequence[Given]) -> type[Any]:
    """The class of the one optimizer or schedule among specs.

    The others are features. Raises what ``optgen.compile`` does.
    """
    given = _Texts(tuple(_files(specs)))
    with _lock:
        key = given.key()
        while (folder := _found(key)) is None:
            for told in _build(given, key):
                warnings.warn(told, stacklevel=3)
            key = given.key()
        return _class_in(folder, key)


def _files(specs: Sequence[Given]) -> Iterator[Path | str]:
    """Texts and files, in the order given; names that follow each other are found at once."""
    for is_named, some in groupby(specs, _is_name):
        if is_named:
            yield from (
                _needing_packages("library").find_specs([os.fspath(one) for one in some]).files
            )
        else:
            yield from (one if _is_text(one) else Path(one).absolute() for one in some)


def _is_text(spec: Given) -> TypeGuard[str]:
    return isinstance(spec, str) and "\n" in spec


def _is_name(spec: Given) -> bool:
    """Whether it is neither a text nor a file."""
    return not _is_text(spec) and not Path(spec).is_file()


def _read(path: Path) -> list[bytes]:
    """A spec, and those beside it that it may extend or call."""
    text = path.read_bytes()
    beside = [file.read_bytes() for file in sorted(path.parent.glob("*.toml"))]
    return [text, *(one for one in beside if b"extends" in text or b"[function]" in one)]


def _found(key: str) -> Path | None:
    """The folder of a package that is there and as it was generated."""
    folders = [user_folder(), *_own_folder.made]
    return next((path / key for path in folders if _is_whole(path / key)), None)


def _is_whole(folder: Path) -> bool:
    try:
        manifest = read_manifest(folder)
        if manifest is None or manifest.replaced:
            return False
        texts = {path: (folder / path).read_bytes().decode() for path in manifest.files}
    except (OSError, UnicodeDecodeError):
        return False
    return bool(texts) and all(digest(texts[path]) == d for path, d in manifest.files.items())


def _build(given: _Texts, key: str) -> list[str]:
    """Compile specs into a package of this name, and put it where it is found; returns warnings."""
    building = _needing_packages("build")
    with given.written() as shown, tempfile.TemporaryDirectory(prefix="optgen-built-") as name:
        library = _needing_packages("library")
        files = library.SpecFiles(tuple(shown), False)
        job = building.prepare(files, lambda path: shown.get(path) or library.shown(path))
        if job.project.problems and not job.kinds.compiled:
            raise SpecError(job.project.problems)
        _refuse_several([spec.name.value for spec in job.kinds.compiled])
        building.build(job, Path(name) / key, building.Silent())
        if given.key() != key:  # A file was changed meanwhile, and is compiled again.
            return []
        try:
            _put(Path(name) / key, user_folder())
        except OSError:
            _put(Path(name) / key, _own_folder())
        return [str(problem) for problem in job.project.warnings]


def _refuse_several(names: Sequence[str]) -> None:
    if not names:
        raise UsageError(
            "there is no optimizer and no schedule among these specs; features alone make no class"
        )
    if len(names) > 1:
        listed = f"{', '.join(names[:-1])} and {names[-1]}"
        raise UsageError(f"these specs state {listed}; compile them one by one")


def _put(package: Path, folder: Path) -> None:
    """Put a package into a folder, if no other process has done so. Raises OSError."""
    with opened(folder), staging_folder(folder) as staging:
        target = folder / package.name
        if _is_whole(target):
            return
        shutil.copytree(package, staging / "new")
        if target.exists():  # What was deleted in part is out of the way at once.
            target.rename(staging / "old")
        with suppress(FileExistsError):
            (staging / "new").rename(target)


def _needing_packages(module: str) -> Any:
    """A module of the compiler. Raises ImportError where packages are missing."""
    require("optgen.compile", "compiler")
    return importlib.import_module(f"optgen.compiler.{module}")


class _OwnFolder:
    """A folder of this process, for where the user's can't be written."""

    def __init__(self) -> None:
        self.made: list[Path] = []

    def __call__(self) -> Path:
        if not self.made:
            folder = Path(tempfile.mkdtemp(prefix="optgen-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            self.made.append(folder)
        return self.made[0]


_own_folder = _OwnFolder()


def _class_in(folder: Path, key: str) -> type[Any]:
    """The class of a package, imported."""
    optgen.compiled.look_in(folder.parent)
    importlib.invalidate_caches()
    manifest = read_manifest(folder)
    assert manifest is not None
    for inner in sorted({Path(path).parent.as_posix() for path in manifest.files}):
        for module, name in generated_classes(folder, inner).items():
            parts = [optgen.compiled.__name__, key, *([] if inner == "." else [inner]), module]
            made: type[Any] = getattr(importlib.import_module(".".join(parts)), name)
            return made
    raise ImportError(f"{folder} holds no class; remove it")
