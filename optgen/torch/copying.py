"""Copies and pickles of optimizers and of users' subclasses."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

#: The prefix of torch's hooks, which copies omit.
_HOOKS = "_optimizer_"


def attributes_of(optimizer: object, remade: Collection[str]) -> Mapping[str, Any]:
    """The attributes of a copy, without hooks and replaced methods.

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
