"""Random numbers for kernels, one for each element; each target compiles them with its compiler.

``real`` is the type of the result; the other arguments are those of ``philox.words``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from optgen.runtime import philox

#: Shifts that leave the bits which a number between 0 and 1 can hold beside a half.
_NINE, _ELEVEN, _TWENTY_ONE = np.uint64(9), np.uint64(11), np.uint64(21)
_BIT = np.uint64(1)
Compiled = Callable[..., Any]


def compiled_draws(
    compiled: Callable[[Compiled], Compiled], log: Compiled
) -> tuple[Compiled, Compiled, Compiled]:
    """The functions ``normal``, ``uniform`` and ``random_sign`` of a target."""
    words = compiled(philox.words)

    @compiled
    def fraction(high: Any, low: Any, real: Any) -> Any:
        """A number between 0 and 1, both excluded, from the upper bits of words."""
        if real is np.float32:
            return (real(np.int32(high >> _NINE)) + real(0.5)) * real(2.0**-23)
        bits = (high << _TWENTY_ONE | low >> _ELEVEN) >> _BIT
        return (real(np.int64(bits)) + real(0.5)) * real(2.0**-52)

    @compiled
    def cosine_of_turns(turns: Any, real: Any) -> Any:
        """The cosine of an angle from 0 to 1 turn, as 1 - 2 sin(x)**2 of half the angle."""
        x = (turns - real(0.5)) * real(math.pi)
        square = x * x
        # The series of the sine, up to the last term that float64 can tell.
        total = real(1)
        for n in range(11, 0, -1):
            total = real(1) - square * total / real(2 * n * (2 * n + 1))
        sine = x * total
        return real(2) * sine * sine - real(1)

    @compiled
    def normal(real: Any, tensor: int, position: int, seed: float, step: float, draw: int) -> Any:
        """From the normal distribution of mean 0 and variance 1.

        Box and Muller, 1958, A note on the generation of random normal deviates.
        """
        one, other, third, last = words(position, tensor, step, seed, draw)
        length = math.sqrt(real(-2) * log(fraction(one, other, real)))
        return length * cosine_of_turns(fraction(third, last, real), real)

    @compiled
    def uniform(real: Any, tensor: int, position: int, seed: float, step: float, draw: int) -> Any:
        """Between 0 and 1."""
        one, other, _, _ = words(position, tensor, step, seed, draw)
        return fraction(one, other, real)

    @compiled
    def random_sign(
        real: Any, tensor: int, position: int, seed: float, step: float, draw: int
    ) -> Any:
        """-1 or 1."""
        one, _, _, _ = words(position, tensor, step, seed, draw)
        return real(1) - real(2) * real(np.int32(one & _BIT))

    return normal, uniform, random_sign
