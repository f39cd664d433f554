"""Validation of what a call is given beside the gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optgen.runtime.hyperparameters.declarations import Input
from optgen.runtime.kernels import OPTIMIZER

#: Reads the arrays of an input, by its name.
Read = Callable[[str, Any], Sequence[Any]]


def given_inputs(
    owner: str,
    declared: Sequence[Input],
    inputs: Mapping[str, object],
    gradients: Sequence[object | None],
    paths: Sequence[str],
    read: Read,
    number: Callable[[str, str, Any], Any] | None = None,
) -> dict[str, Any]:
    """The inputs of a call by name; one that is None counts as left out.

    ``paths`` name the variables; ``number`` reads one, by default as ``number_of`` does.

    Raises TypeError or ValueError for one that is unknown, missing, or of another form.
    """
    known = {one.name: one for one in declared}
    for name in inputs:
        if name not in known:
            there = f"it takes {', '.join(known)}" if known else "it takes gradients only"
            raise TypeError(f"{owner} takes no {name!r}; {there}")
    found: dict[str, Any] = {}
    for name, one in known.items():
        value = inputs.get(name)
        if value is None:
            if not one.optional:
                raise TypeError(f"{owner} needs {name} in each call, as {name}=…")
        elif one.shape == OPTIMIZER:
            found[name] = (number or number_of)(owner, name, value)
        else:
            if not isinstance(value, (Mapping, Sequence)):
                raise TypeError(f"{owner}: {name} must be a list or a mapping of arrays")
            found[name] = arrays = read(name, value)
            for path, gradient, array in zip(paths, gradients, arrays, strict=True):
                if gradient is not None and array is None:
                    raise ValueError(f"{owner}: {name} lacks an array for {path!r}")
    return found


def number_of(owner: str, name: str, value: Any) -> float:
    """A number as a float. Raises TypeError or ValueError for anything else, and for NaN."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{owner}: {name} must be a number, not {value!r:.80}") from None
    if math.isnan(number):
        raise ValueError(f"{owner}: {name} is not a number")
    return number
