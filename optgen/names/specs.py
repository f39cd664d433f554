"""What the files of specs say about names, without compiling them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache

from optgen.data import data_folder


@cache
def rule_families() -> Mapping[str, str]:
    """The family of each built-in rule, by the name of its spec: the folder that it stands in."""
    files = (data_folder("specs") / "optimizers").rglob("*.toml")
    return {file.stem: file.parent.name for file in sorted(files, key=lambda file: file.stem)}


@cache
def argument_features() -> Mapping[str, str]:
    """The optional feature of each argument that a class has only where a build names it."""
    found: dict[str, str] = {}
    for file in sorted((data_folder("specs") / "features" / "optional").glob("*.toml")):
        declared = tomllib.loads(file.read_text(encoding="utf-8")).get("hyperparameters", {})
        for name, entry in declared.items():
            items = range(1, len(entry["default"]) + 1) if entry.get("list") else ()
            found |= dict.fromkeys([name, *(f"{name}_{k}" for k in items)], file.stem)
    return found
