"""The leaves of a tree of parameters, and how each is treated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import optax
from jax import numpy as jnp

from optgen.runtime.dtypes import HALVES, NATIVE, wide_name
from optgen.runtime.hyperparameters.settings import Row
from optgen.runtime.operations.forms import Form

_DTYPES = tuple(one.name for one in (*NATIVE, *HALVES))


@dataclass(frozen=True)
class Leaf:
    """A parameter: its ``place`` among all, and how it is treated.

    ``on`` is the setting of the switches for it.
    """

    path: str
    place: int
    dtype: str
    row: Row
    on: Mapping[str, bool]
    form: Form

    @property
    def wide(self) -> str:
        """The dtype that updates are computed in."""
        return wide_name(self.dtype)


@dataclass(frozen=True)
class Tree:
    """The arrays of a tree of parameters, with their paths, and its structure."""

    paths: tuple[str, ...]
    arrays: tuple[Any, ...]
    structure: Any

    @classmethod
    def of(cls, params: Any, owner: str) -> Tree:
        """The tree of some parameters. Raises TypeError for one that has no real numbers."""
        found, structure = jax.tree_util.tree_flatten_with_path(params)
        paths = tuple(jax.tree_util.keystr(key, simple=True, separator="/") for key, _ in found)
        arrays = tuple(array for _, array in found)
        for path, array in zip(paths, arrays, strict=True):
            dtype = str(jnp.result_type(array))
            if dtype not in _DTYPES:
                message = f"{owner}: the parameter {path!r} is {dtype}, not {', '.join(_DTYPES)}"
                raise TypeError(f"{message}; leave it out by optax.masked")
        return cls(paths, arrays, structure)

    def values(self, tree: Any) -> list[Any]:
        """What another tree has for each parameter; None where it has nothing."""
        found = self.structure.flatten_up_to(tree)
        return [None if isinstance(one, optax.MaskedNode) else one for one in found]

    def gradients(self, tree: Any, what: str, owner: str) -> list[Any]:
        """What another tree has for each parameter, of the same shapes. Raises ValueError."""
        found = self.values(tree)
        for path, array, value in zip(self.paths, self.arrays, found, strict=True):
            if value is not None and jnp.shape(value) != jnp.shape(array):
                message = f"{owner}: the {what} of {path!r} has shape {jnp.shape(value)}"
                raise ValueError(f"{message}, the parameter {jnp.shape(array)}")
        return found

    def tree(self, values: Iterable[Any]) -> Any:
        """A tree of the same structure; what is missing is masked."""
        masked = [optax.MaskedNode() if one is None else one for one in values]
        return self.structure.unflatten(masked)

    def chosen(self, mask: Any, params: Any) -> Sequence[bool]:
        """What a mask says of each parameter: a tree of booleans, or a function that makes one."""
        found = mask(params) if callable(mask) else mask
        spread = jax.tree.map(lambda one, part: jax.tree.map(lambda _: one, part), found, params)
        return [bool(one) for one in self.structure.flatten_up_to(spread)]
