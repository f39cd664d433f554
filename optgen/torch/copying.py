"""Copies and pickles of optimizers and of users' subclasses."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

#: How torch's names of hooks begin, which it leaves out of copies.
_HOOKS = "_optimizer_"


def attributes_of(optimizer: object, remade: Collection[str]) -> Mapping[str, Any]:
    """The attributes that a copy gets: neither hooks, nor methods that others have replaced.

    Those ``remade`` are left out too.
    """
    kind = type(optimizer)
    return {
        name: value
        for name, value in vars(optimizer).items()
        if name not in remade
        and not name.startswith(_HOOKS)
        and not (callable(value) and hasattr(kind, name))
    }
