"""Imports of generated modules, in the usual order."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping


def import_lines(modules: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Imports of names by module: Python's own, of others, of this package, and of this folder.

    A name that is that of its module stands for the module.
    """
    groups: list[list[str]] = [[], [], [], []]
    # Those of folders further up come first.
    for module in sorted(modules, key=lambda name: (-_dots(name), name)):
        group = groups[_group(module)]
        if module in modules[module]:
            group.insert(0, f"import {module}")
        if inside := sorted({*modules[module]} - {module}, key=_order):
            group.append(f"from {module} import {', '.join(inside)}")
    yield from "\n\n".join("\n".join(group) for group in groups if group).split("\n")


def _group(module: str) -> int:
    top = module.split(".", maxsplit=1)[0]
    if not top:
        return 3
    return 0 if top in sys.stdlib_module_names else 2 if top == "optgen" else 1


def _order(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def _dots(module: str) -> int:
    return len(module) - len(module.lstrip("."))
