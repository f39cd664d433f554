"""Built-in specs, published specs and templates: their locations, and loading."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import optgen
from optgen.archive import real_folder
from optgen.compiler.emit import Templates
from optgen.compiler.ir.problem import closest, nearest
from optgen.compiler.ir.spec import Spec
from optgen.compiler.weave import Slots
from optgen.data import data_folder

SLOTS_FILE = "slots.toml"
PUBLISHED = "published"
#: The folder, among those of features, of those that are woven only where they are named.
OPTIONAL = "optional"
#: How near to a path another must be: most folders and files beside it hold no specs.
_NEAR = 0.75


def optimizer_files() -> tuple[Path, ...]:
    """The specs of the built-in optimizers, by name; their folders are families."""
    files = (data_folder("specs") / "optimizers").rglob("*.toml")
    return tuple(sorted(files, key=lambda file: file.stem))


def published_files() -> tuple[Path, ...]:
    """Specs of published rules, which a rule is compared with; they aren't built in."""
    return tuple(sorted(real_folder(data_folder("specs") / PUBLISHED).glob("*.toml")))


def feature_files() -> tuple[Path, ...]:
    """The specs of the features that every optimizer has."""
    return tuple(sorted((data_folder("specs") / "features").glob("*.toml")))


def optional_feature_files() -> tuple[Path, ...]:
    """The specs of the built-in features that an optimizer has only where a build names them."""
    return tuple(sorted((data_folder("specs") / "features" / OPTIONAL).glob("*.toml")))


def schedule_files() -> tuple[Path, ...]:
    """The specs of the built-in schedules."""
    return tuple(sorted((data_folder("specs") / "schedules").glob("*.toml")))


def function_files() -> tuple[Path, ...]:
    """The specs of the built-in functions."""
    return tuple(sorted((data_folder("specs") / "functions").glob("*.toml")))


def base_folders() -> tuple[Path, ...]:
    """Where specs may be that another one needs, besides the folder of that one."""
    specs = data_folder("specs")
    families = sorted(path for path in (specs / "optimizers").iterdir() if path.is_dir())
    return (*families, specs / "functions")


def read_slots() -> Slots:
    """The order of the slots."""
    data = tomllib.loads((data_folder("specs") / SLOTS_FILE).read_text(encoding="utf-8"))
    roles = {role: data[role] for role in ("own", "direct", "constraints", "observe", "before")}
    return Slots(tuple(data["order"]), grouped=tuple(data["grouped"]), **roles)


def read_templates() -> Templates:
    """All templates, and the version of the compiler that fills them.

    They are read again only after a change, since Jinja compiles what is read.
    """
    found = ((path, path.stat()) for path in sorted(data_folder("templates").rglob("*.j2")))
    return _templates(*((path, one.st_mtime_ns, one.st_size) for path, one in found))


@lru_cache(maxsize=1)
def _templates(*files: tuple[Path, int, int]) -> Templates:
    folder = data_folder("templates")
    texts = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path, _, _ in files
    }
    return Templates(texts, optgen.__version__)


def stamp() -> tuple[object, ...]:
    """What differs after a change of what all optimizers share: its files' names, times and sizes.

    Also after a change of the working folder, from which messages name files.
    """
    specs = data_folder("specs")
    roots = (specs / "features", specs / "functions", data_folder("templates"))
    files = sorted(path for root in roots for path in root.rglob("*.*"))
    found = ((path, path.stat()) for path in (specs / SLOTS_FILE, *files))
    return (Path.cwd(), *((path, one.st_mtime_ns, one.st_size) for path, one in found))


def named_files() -> tuple[Path, ...]:
    """The built-in specs that a name stands for."""
    features = (*feature_files(), *optional_feature_files())
    return (*optimizer_files(), *features, *schedule_files())


@dataclass(frozen=True)
class SpecFiles:
    """The spec files that a build was asked for."""

    files: tuple[Path, ...]
    #: Whether whole folders were named, so that the package holds just what is in them.
    whole: bool


def find_specs(paths: Iterable[str]) -> SpecFiles:
    """Files, folders and names of built-in specs as a list of files.

    Raises FileNotFoundError for a path that is none of these.
    """
    named = list(paths)
    if not named:
        return SpecFiles((*optimizer_files(), *schedule_files()), True)
    built_in = {file.stem: file for file in named_files()}
    files = list(dict.fromkeys(file for name in named for file in _files(name, built_in)))
    return SpecFiles(tuple(files), any(Path(name).is_dir() for name in named))


def _files(name: str, built_in: Mapping[str, Path]) -> Iterator[Path]:
    path = Path(name)
    if path.is_dir():
        found = sorted(file for file in path.rglob("*.toml") if _is_meant(file, path))
        if not found:
            raise FileNotFoundError(f"{name} holds no spec (*.toml)")
        yield from found
        return
    if path.is_file():
        yield path
    elif name.lower() in built_in:
        yield built_in[name.lower()]
    else:
        by_name = nearest(name.lower(), built_in)
        # What has a folder or an ending isn't the name of a spec.
        is_path = len(path.parts) > 1 or bool(path.suffix)
        hint = (_nearest_path(path) or by_name) if is_path else (by_name or _nearest_path(path))
        hint = hint or "optgen list shows the built-in specs"
        raise FileNotFoundError(f"{name} is no file, folder or built-in spec; {hint}")


def _nearest_path(path: Path) -> str:
    """A hint that names the spec file or folder that was probably meant, or nothing."""
    if not path.parent.is_dir():
        return _nearest_path(path.parent) if path.parent != path else ""
    there = [other for other in path.parent.iterdir() if other.is_dir() or other.suffix == ".toml"]
    found = {other.name.lower(): other.as_posix() for other in there}
    # By name, and so that neither a long folder nor a missing ending counts.
    name = path.name.lower()
    close = closest(name, found, _NEAR) or closest(f"{name}.toml", found, _NEAR)
    return f"did you mean {found[close]!r}?" if close else ""


def _is_meant(file: Path, folder: Path) -> bool:
    """Whether a spec below a folder is one of its specs.

    Published rules are only compared with, and optional features left out, unless their own folder
    is named.
    """
    specs = data_folder("specs").resolve()
    aside = {specs / PUBLISHED, specs / "features" / OPTIONAL} & {*file.resolve().parents}
    return file.name != SLOTS_FILE and not any(folder.resolve() in one.parents for one in aside)


def shown(path: Path) -> str:
    """A path as messages show it: relative where it lies below the working folder."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError, RuntimeError):
        # Elsewhere, or a link that leads nowhere.
        return path.as_posix()


def is_feature(spec: Spec) -> bool:
    """Whether a spec is a feature, woven into optimizers, rather than an optimizer."""
    return spec.slot is not None
