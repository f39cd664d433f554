"""What a call is given beside the gradients: tensors of variables, and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from optgen.runtime.hyperparameters.declarations import Input
from optgen.runtime.inputs import given_inputs, number_of

#: Inputs by name: a number, or tensors in the order of the variables that the optimizer has.
Given = Mapping[str, Any]


def read_inputs(
    owner: str,
    declared: Sequence[Input],
    inputs: Mapping[str, object],
    gradients: Mapping[int, Any],
    places: Sequence[int],
    paths: Sequence[str],
) -> Given:
    """The validated inputs of a call.

    ``places`` are those of the variables of the call among all, which have ``paths``; gradients
    are by place. Raises TypeError or ValueError.
    """

    def read(name: str, value: Any) -> list[Any]:
        if isinstance(value, Mapping):
            unknown = [path for path in value if path not in paths]
            if unknown:
                raise ValueError(f"{owner}: {name} has {unknown[0]!r}, which is no variable's path")
            return [value.get(path) for path in paths]
        if len(value) != len(places):
            message = f"{name} has {len(value)} arrays for {len(places)} variables"
            raise ValueError(f"{owner}: {message}")
        by_place = dict(zip(places, value, strict=True))
        return [by_place.get(place) for place in range(len(paths))]

    in_order = [gradients.get(place) for place in range(len(paths))]
    return given_inputs(owner, declared, inputs, in_order, paths, read, _number)


def _number(owner: str, name: str, value: Any) -> Any:
    """A number; a tensor may be one that only a compiled graph will have the value of."""
    if not ops.is_tensor(value):
        return number_of(owner, name, value)
    if len(value.shape):
        raise TypeError(f"{owner}: {name} must be a number, not of shape {tuple(value.shape)}")
    return value
