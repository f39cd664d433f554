"""Loops of which it is known how they are compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np

from optgen.runtime.cpu.elementary import exp, log
from optgen.runtime.cpu.pointers import add_in_any_order

Array = np.ndarray[Any, np.dtype[np.float32]]
_ARRAY = numba.float32[::1]


def plain(a: Array, b: Array, x: np.float32) -> None:
    for i in range(a.size):
        a[i] = a[i] + b[i] * x


def two_cases(a: Array, b: Array, x: np.float32) -> None:
    for i in range(a.size):
        a[i] = a[i] + b[i]
        if x > 0:
            b[i] = b[i] - x


def double_literal(a: Array, b: Array, x: np.float32) -> None:
    for i in range(a.size):
        a[i] = a[i] + b[i] * 0.1


def power(a: Array, b: Array, x: np.float32) -> None:
    for i in range(a.size):
        a[i] = b[i] ** x


def elementary(a: Array, b: Array, x: np.float32) -> None:
    for i in range(a.size):
        a[i] = exp(b[i]) + log(a[i])


def carried(a: Array, b: Array, x: np.float32) -> None:
    for i in range(1, a.size):
        a[i] = a[i - 1] * x + b[i]


def one_by_one(a: Array, b: Array, x: np.float32) -> None:
    for i in range(a.size):
        if b[i] == x:
            break
        a[i] = a[i] + b[i]


def total(a: Array, b: Array, x: np.float32) -> float:
    found = 0.0
    for i in range(a.size):
        found = add_in_any_order(found, np.float64(a[i]))
    return found


def total_in_order(a: Array, b: Array, x: np.float32) -> float:
    found = 0.0
    for i in range(a.size):
        found += np.float64(a[i])
    return found


SAMPLES: tuple[Callable[..., Any], ...] = (
    plain,
    two_cases,
    double_literal,
    power,
    elementary,
    carried,
    one_by_one,
    total,
    total_in_order,
)


def functions() -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Names, compilers and the types of their arguments."""
    for function in SAMPLES:
        compiler = numba.njit(error_model="numpy")(function)
        yield function.__name__, compiler, (_ARRAY, _ARRAY, numba.float32)
