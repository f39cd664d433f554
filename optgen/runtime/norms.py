"""The norm of all gradients of an update, from per-variable norms of the kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from optgen.runtime.kernels import Program

Array = np.ndarray[Any, np.dtype[Any]]

#: For each setting of the switches: it, its variables, and what fetches their factors.
Measured = Iterable[tuple[Mapping[str, bool], Array, Callable[[], Array]]]


def joint_norm(program: Program, measured: Measured) -> float | None:
    """The norm of the gradients of all variables together; None where no part took one."""
    squares = None
    for on, members, factors in measured:
        for norm in program.norms:
            if norm.when(on) and members.any():
                values = factors()[members, program.factors.index(norm.factor)]
                if norm.everywhere:
                    return float(values[0])
                squares = (squares or 0.0) + float(np.square(values).sum())
                break
    return None if squares is None else float(np.sqrt(squares))
