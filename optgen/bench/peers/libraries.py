"""The libraries that steps can be compared with, and which of them are there."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any

from optgen.bench.peers import of_keras, of_optax, of_torch
from optgen.bench.peers.interface import Library, Run, Task
from optgen.bench.peers.of_packages import Eager, Package
from optgen.data import data_folder

#: Packages of torch's kind, as ``specs/bench.toml`` lists them.
_PACKAGES: dict[str, Any] = tomllib.loads(
    (data_folder("specs") / "bench.toml").read_text(encoding="utf-8")
)["packages"]
LIBRARIES: dict[str, Library] = {
    "torch": of_torch,
    "keras": of_keras,
    "optax": of_optax,
    **{name: (Eager if one["eager"] else Package)(name) for name, one in _PACKAGES.items()},
}
#: Those that a benchmark compares with unless it is given others.
USUAL = ("torch", "keras")


def known(wishes: Iterable[str]) -> tuple[str, ...]:
    """Names of libraries from a command line, where commas may separate them.

    Raises ValueError for an unknown name.
    """
    names = tuple(dict.fromkeys(name for wish in wishes for name in wish.split(",") if name))
    for name in names:
        if name not in LIBRARIES:
            raise ValueError(f"there is no peer {name!r}; there are {', '.join(LIBRARIES)}")
    return names


def installed(wishes: Iterable[str], notes: list[str]) -> list[str]:
    """The libraries that a command line names, or the usual ones, as far as they are installed.

    One that is named, but isn't there, gets a note. Raises ValueError for an unknown name.
    """
    named, found = known(wishes), []
    for name in named or USUAL:
        absent = [package for package in LIBRARIES[name].PACKAGES if find_spec(package) is None]
        if not absent:
            found.append(name)
        elif named:
            packages = " ".join(
                _PACKAGES.get(package, {}).get("project", package) for package in absent
            )
            notes.append(f"there is no comparison with {name}: python -m pip install {packages}")
    return found


def runs(name: str, task: Task, notes: list[str]) -> Iterator[tuple[str, Run]]:
    """A library's runs of a rule; a version of it that doesn't have the rule gets a note."""
    try:
        yield from LIBRARIES[name].runs(task)
    except (AttributeError, TypeError) as error:
        notes.append(f"{name} can't run {task.rule.name}: {error}")
