"""The list of targets: each subpackage exports one as ``TARGET``.

Those that no package holds are printed where their text is wanted, and aren't listed here.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from optgen.compiler.emit.target import Target

_EVERY: tuple[Target, ...] = tuple(
    import_module(f"{__name__}.{found.name}").TARGET
    for found in iter_modules(__path__)
    if found.ispkg
)
TARGETS = tuple(one for one in _EVERY if one.is_packaged)


def target(name: str) -> Target:
    """The target of that name. Raises KeyError where there is none."""
    return {one.name: one for one in TARGETS}[name]
