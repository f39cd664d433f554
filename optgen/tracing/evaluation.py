"""Values of nodes for arrays: to compare what two traces found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from optgen.tracing.graph import NAME, Node, walk

#: The number of elements of the variable that nodes are evaluated for.
ELEMENTS = 6
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.mod,
    "**": np.power,
    "neg": np.negative,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "where": np.where,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "atan2": np.arctan2,
    "floor": np.floor,
    "sign": np.sign,
    "max": np.maximum,
    "min": np.minimum,
    "sum": np.sum,
    "mean": np.mean,
    "norm": lambda x: np.sqrt(np.sum(np.square(x))),
    # Of one variable, in which a number counts once for each element.
    "global_sum": lambda x: np.sum(np.broadcast_to(x, ELEMENTS)),
    "largest": np.max,
    "smallest": np.min,
}


def evaluated(node: Node, values: Mapping[str, Any]) -> Any:
    """The value of a node where names have these values."""
    done: dict[int, Any] = {}
    with np.errstate(all="ignore"):
        for part in sorted(walk(node), key=lambda one: one.number):
            if part.operator == NAME:
                done[part.number] = values[str(part.value)]
            elif part.is_number:
                done[part.number] = np.float64(part.value)
            else:
                operands = [np.asarray(done[one.number]) for one in part.operands]
                done[part.number] = _FUNCTIONS[part.operator](*map(_float, operands))
    return done[node.number]


def _float(value: Any) -> Any:
    return value if value.dtype == bool else value.astype(np.float64)


def agree(one: Node, other: Node, values: Mapping[str, Any]) -> bool:
    """Whether two nodes have the same value, up to rounding."""
    first, second = evaluated(one, values), evaluated(other, values)
    return bool(np.allclose(first, second, rtol=1e-9, atol=1e-14, equal_nan=True))
