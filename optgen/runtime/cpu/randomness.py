"""Random numbers of generated CPU kernels, one for each element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from optgen.runtime import philox
from optgen.runtime.cpu.elementary import log

#: Inlined and without exceptions, so that loops are vectorized.
_inlined = njit(error_model="numpy", forceinline=True)
_words = _inlined(philox.words)
_EIGHT, _ELEVEN, _BIT = np.uint64(8), np.uint64(11), np.uint64(1)
_TWENTY_ONE = np.uint64(21)


@_inlined
def _fraction(high: Any, low: Any, real: Any) -> Any:
    """A number between 0 and 1, both excluded, from the upper bits of words."""
    if real is np.float32:
        # 23 bits and a half are exact in the 24 of a float32.
        return (real(np.int32(high >> np.uint64(9))) + real(0.5)) * real(2.0**-23)
    bits = (high << _TWENTY_ONE | low >> _ELEVEN) >> _BIT
    return (real(np.int64(bits)) + real(0.5)) * real(2.0**-52)


@_inlined
def uniform(real: Any, tensor: int, position: int, seed: float, step: float, draw: int) -> Any:
    """A number between 0 and 1."""
    one, other, _, _ = _words(position, tensor, step, seed, draw)
    return _fraction(one, other, real)


@_inlined
def random_sign(real: Any, tensor: int, position: int, seed: float, step: float, draw: int) -> Any:
    """-1 or 1."""
    one, _, _, _ = _words(position, tensor, step, seed, draw)
    return real(1) - real(2) * real(np.int32(one & _BIT))


@_inlined
def normal(real: Any, tensor: int, position: int, seed: float, step: float, draw: int) -> Any:
    """A number from the normal distribution of mean 0 and variance 1.

    Box and Muller, 1958, A note on the generation of random normal deviates.
    """
    one, other, third, last = _words(position, tensor, step, seed, draw)
    length = math.sqrt(real(-2) * log(_fraction(one, other, real)))
    return length * _cosine_of_turns(_fraction(third, last, real), real)


@_inlined
def _cosine_of_turns(turns: Any, real: Any) -> Any:
    """The cosine of an angle from 0 to 1 turn, as 1 - 2 sin(x)**2 of half the angle."""
    x = (turns - real(0.5)) * real(math.pi)
    square = x * x
    # The series of the sine, up to the last term that float64 can tell.
    total = real(1)
    for n in range(11, 0, -1):
        total = real(1) - square * total / real(2 * n * (2 * n + 1))
    sine = x * total
    return real(2) * sine * sine - real(1)
