"""The list of targets: each subpackage exports one as ``TARGET``."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from optgen.compiler.emit.target import Target

TARGETS: tuple[Target, ...] = tuple(
    import_module(f"{__name__}.{found.name}").TARGET
    for found in iter_modules(__path__)
    if found.ispkg
)


def target(name: str) -> Target:
    """The target of that name. Raises KeyError where there is none."""
    return {one.name: one for one in TARGETS}[name]
