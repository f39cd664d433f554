"""Calls of an optimizer as functions of the values of its variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

Values = list[Any]


def stateless(
    call: Callable[[], None],
    trained: tuple[Sequence[Any], Sequence[Any]],
    own: tuple[Sequence[Any], Sequence[Any]],
) -> tuple[Values, Values]:
    """What a call makes of trained variables and of an optimizer's own, each with their values.

    Raises ValueError where there are more or fewer values than variables.
    """
    for what, (variables, values) in {"trainable": trained, "optimizer": own}.items():
        if len(variables) != len(values):
            counts = f"{len(values)} values for {len(variables)} variables"
            raise ValueError(f"{what}_variables has {counts}")
    mapping = [pair for one in (trained, own) for pair in zip(*one, strict=True)]
    with keras.StatelessScope(state_mapping=mapping) as scope:
        call()
    found = ([scope.get_current_value(v) for v in variables] for variables, _ in (trained, own))
    return next(found), next(found)
