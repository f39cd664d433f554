"""Atomic changes: a chain of compiled calls that no signal handler can interrupt.

A signal handler may raise an exception, as Ctrl-C does, between any two Python instructions.
Compiled code that calls compiled code has no such point. A chain of calls to functions of C, NumPy
and Numba is therefore atomic.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import starmap
from operator import call, setitem
from typing import Any

import numpy as np

#: A compiled function with its arguments.
Call = tuple[Any, ...]


def chain(calls: Iterable[Call]) -> None:
    """Make calls of compiled functions one after the other, with no instruction between them."""
    deque(starmap(call, calls), 0)


def later(calls: Sequence[Call]) -> Callable[[], object]:
    """What makes calls of compiled functions, and is one itself."""
    return partial(deque, starmap(call, calls), 0)


def assigning(target: Any, value: Any) -> Call:
    """The call that gives an array of NumPy's another value: a number or an array."""
    # A subclass may have functions of its own, in Python.
    return setitem, np.asarray(target), ..., value


def raising(target: Any, other: Any) -> Call:
    """The call that makes each element the larger one of two; NaN if either is NaN."""
    plain = np.asarray(target)
    return partial(np.maximum, out=plain), plain, other
