"""Validation of what a call is given beside the gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optgen.runtime.arrays import Gradient
from optgen.runtime.hyperparameters.declarations import Input
from optgen.runtime.kernels import OPTIMIZER
from optgen.runtime.model import Given

#: Reads the arrays of an input, by its name.
Read = Callable[[str, Any], Sequence[Gradient | None]]


def given_inputs(
    owner: str,
    declared: Sequence[Input],
    inputs: Mapping[str, object],
    gradients: Sequence[Gradient | None],
    paths: Sequence[str],
    read: Read,
) -> Given:
    """The inputs of a call by name; one that is None counts as left out.

    ``paths`` name the variables.

    Raises TypeError or ValueError for one that is unknown, missing, or of another form.
    """
    known = {one.name: one for one in declared}
    for name in inputs:
        if name not in known:
            there = f"it takes {', '.join(known)}" if known else "it takes gradients only"
            raise TypeError(f"{owner} takes no {name!r}; {there}")
    found: dict[str, float | Sequence[Gradient | None]] = {}
    for name, one in known.items():
        value = inputs.get(name)
        if value is None:
            if not one.optional:
                raise TypeError(f"{owner} needs {name} in each call: apply(…, {name}=…)")
        elif one.shape == OPTIMIZER:
            found[name] = _number(owner, name, value)
        else:
            if not isinstance(value, (Mapping, Sequence)):
                raise TypeError(f"{owner}: {name} must be a list or a mapping of arrays")
            found[name] = arrays = read(name, value)
            for path, gradient, array in zip(paths, gradients, arrays, strict=True):
                if gradient is not None and array is None:
                    raise ValueError(f"{owner}: {name} lacks an array for {path!r}")
    return found


def _number(owner: str, name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{owner}: {name} must be a number, not {value!r:.80}") from None
    if math.isnan(number):
        raise ValueError(f"{owner}: {name} is not a number")
    return number
