"""Which libraries have a rule: by the tables of exchange, and by those whose code is compared."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

from optgen.data import data_folder

#: The table of exchange between rules here.
_OURS = "optgen"
#: The table whose classes decide what names of torch mean.
_TORCH = "torch"


def libraries_of(name: str) -> dict[str, list[str]]:
    """The libraries that have a rule, each with the names of its classes there, if known."""
    found: dict[str, list[str]] = {library: [] for library in _compared().get(name, ())}
    for library, table in _exchange().items():
        package = table.get("package", library)
        names = [one for one, entry in _entries(table).items() if entry["rule"] == name]
        if names and library != _OURS:
            found.setdefault(library, []).extend(f"{package}.{one}" for one in names)
    return dict(sorted(found.items()))


def class_in_torch(name: str, has_arguments: bool) -> str:
    """The class of ``optgen.torch`` of a rule; empty if one must be made by ``optimizer_class``.

    Torch's names stand for rules with torch's arguments.
    """
    table = _exchange()[_TORCH]
    theirs = {one: entry["rule"] for one, entry in _entries(table).items()}
    if has_arguments:
        return next((one for one, rule in theirs.items() if rule == name), name)
    return "" if name in {*theirs, *table["others"]} else name


def counterparts() -> dict[str, str]:
    """Rules here, each with another one whose states it takes."""
    return {one: entry["rule"] for one, entry in _entries(_exchange()[_OURS]).items()}


def _entries(table: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {key: value for key, value in table.items() if isinstance(value, dict)}


@cache
def _exchange() -> dict[str, dict[str, Any]]:
    files = sorted((data_folder("specs") / "exchange").glob("*.toml"))
    return {file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in files}


@cache
def _compared() -> dict[str, list[str]]:
    """For each rule, the libraries that the tests compare it with."""
    file = data_folder("specs") / "libraries.toml"
    found: dict[str, list[str]] = tomllib.loads(file.read_text(encoding="utf-8"))
    return found
