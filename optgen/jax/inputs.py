"""What a call is given beside the gradients: trees of arrays, and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jax import numpy as jnp

from optgen.jax.arithmetic import host_dtype
from optgen.jax.leaves import Tree
from optgen.runtime.hyperparameters.declarations import Input
from optgen.runtime.kernels import OPTIMIZER


class Inputs:
    """The inputs of a rule, which are among the further arguments of a call."""

    def __init__(self, owner: str, declared: Sequence[Input]) -> None:
        self._owner, self._declared = owner, declared

    def read(
        self, extra: Mapping[str, Any], tree: Tree, gradients: Sequence[Any]
    ) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, bool]]:
        """The arrays of each parameter, the numbers, and whether the optional inputs are there.

        Raises TypeError for an input that is missing or no number, and ValueError for arrays that
        are missing or of another shape.
        """
        arrays: list[dict[str, Any]] = [{} for _ in tree.paths]
        numbers = {}
        for one in self._declared:
            name, value = one.name, extra.get(one.name)
            if value is None:
                if not one.optional:
                    raise TypeError(f"{self._owner} needs {name}: update(…, {name}=…)")
            elif one.shape == OPTIMIZER:
                numbers[name] = self._number(name, value)
            else:
                found = tree.gradients(value, name, self._owner)
                for own, path, gradient, array in zip(
                    arrays, tree.paths, gradients, found, strict=True
                ):
                    if gradient is not None and array is None:
                        raise ValueError(f"{self._owner}: {name} lacks an array for {path!r}")
                    if array is not None:
                        own[name] = array
        on = {one.switch: extra.get(one.name) is not None for one in self._declared if one.optional}
        return arrays, numbers, on

    def _number(self, name: str, value: Any) -> Any:
        if jnp.shape(value):
            shape = jnp.shape(value)
            raise TypeError(f"{self._owner}: {name} must be a number, not of shape {shape}")
        return jnp.asarray(value, host_dtype())
