"""Defaults of a library's options, by the signatures of its classes."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

from optgen.checkpoints.tables import Entry, Library


def defaults(library: Library, entry: Entry) -> dict[str, Any]:
    """The defaults of options; none where the library can't be imported."""
    try:
        made = getattr(import_module(library.package), entry.name)
    except (ImportError, AttributeError):
        return {}
    parameters = inspect.signature(made).parameters
    found = {name: one.default for name, one in parameters.items() if name in entry.options}
    return {name: one for name, one in found.items() if one is not inspect.Parameter.empty}
