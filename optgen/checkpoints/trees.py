"""Optax's states: named tuples within tuples, whose fields are trees of arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from optgen.checkpoints.contents import Contents
from optgen.checkpoints.tables import Entry

#: The field of the number of updates, and that of hyperparameters which a state keeps.
_COUNT, _KEPT = "count", "hyperparams"


#: What a class of named tuples calls the names of its fields.
FIELDS = "_fields"


def read(
    state: Any, entry: Entry, options: Mapping[str, Any], usual: Mapping[str, Any]
) -> Contents:
    """What a state holds. Raises ValueError where it has none of an entry's parts.

    ``usual`` options don't matter: parts have names.
    """
    jax = import_module("jax")
    count, found = None, {}
    for part in _parts(state):
        for name, value in zip(_names(part), part, strict=True):
            key = f"{type(part).__name__}.{name}"
            if key in entry.states:
                found[key] = [np.array(leaf) for leaf in jax.tree.leaves(value)]
            elif name == _COUNT and count is None:
                count = float(value)
            elif name == _KEPT:
                options = {**{k: float(v) for k, v in value.items()}, **options}
    lengths = {len(leaves) for leaves in found.values()}
    if len(lengths) != 1:
        wanted = ", ".join(entry.states)
        raise ValueError(f"a state of optax.{entry.name} has {wanted}; this has {', '.join(found)}")
    (length,) = lengths
    states = [{key: leaves[k] for key, leaves in found.items()} for k in range(length)]
    return Contents([dict(options)], [0] * length, states, [count] * length)


def written(contents: Contents, like: Any) -> Any:
    """The state ``like`` with the arrays of contents. Raises ValueError where they don't fit."""
    return _filled(like, contents)


def _filled(node: Any, contents: Contents) -> Any:
    if hasattr(node, FIELDS):
        pairs = zip(_names(node), node, strict=True)
        fields = {name: _field(node, name, value, contents) for name, value in pairs}
        return type(node)(**fields)
    if isinstance(node, tuple | list):
        return type(node)(_filled(one, contents) for one in node)
    if isinstance(node, Mapping):
        return {key: _filled(one, contents) for key, one in node.items()}
    return node


def _field(part: Any, name: str, value: Any, contents: Contents) -> Any:
    jax = import_module("jax")
    key = f"{type(part).__name__}.{name}"
    if any(key in own for own in contents.states):
        leaves, tree = jax.tree.flatten(value)
        if len(leaves) != len(contents.states):
            raise ValueError(f"{key} has {len(leaves)} arrays, not {len(contents.states)}")
        pairs = zip(leaves, contents.states, strict=True)
        return jax.tree.unflatten(tree, [_like(leaf, own[key], key) for leaf, own in pairs])
    if name == _COUNT and contents.age is not None:
        return jax.numpy.asarray(int(contents.age), jax.numpy.asarray(value).dtype)
    return _filled(value, contents)


def _like(leaf: Any, value: Any, key: str) -> Any:
    jax = import_module("jax")
    value = value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
    if value.shape != leaf.shape:
        raise ValueError(f"{key} has an array of shape {leaf.shape}, not {value.shape}")
    return jax.numpy.array(value, leaf.dtype)


def _names(node: Any) -> tuple[str, ...]:
    names: tuple[str, ...] = getattr(node, FIELDS)
    return names


def _parts(node: Any) -> Iterator[Any]:
    """The named tuples in a state, from outside."""
    if hasattr(node, FIELDS):
        yield node
    if isinstance(node, Mapping):
        node = tuple(node.values())
    if isinstance(node, tuple | list):
        for one in node:
            yield from _parts(one)
