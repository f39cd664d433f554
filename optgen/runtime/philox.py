"""Philox: random numbers from a counter, the same on every target and for any order of use.

Salmon et al., 2011, Parallel random numbers: as easy as 1, 2, 3, section 3.3: Philox4x32 with ten
rounds. Here the counter is the place of an element, its variable and the step; the key is the seed
and the number of the draw in its rule.
"""

from __future__ import annotations

import numpy as np

#: The multipliers and the increments of keys.
MULTIPLIERS, INCREMENTS = (0xD2511F53, 0xCD9E8D57), (0x9E3779B9, 0xBB67AE85)
_M0, _M1 = np.uint64(MULTIPLIERS[0]), np.uint64(MULTIPLIERS[1])
_W0, _W1 = np.uint64(INCREMENTS[0]), np.uint64(INCREMENTS[1])
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
ROUNDS = 10

Words = tuple[np.uint64, np.uint64, np.uint64, np.uint64]


def words(position: int, tensor: int, step: float, seed: float, draw: int) -> Words:
    """Four random words of 32 bits."""
    place, time, start = np.uint64(position), np.uint64(step), np.uint64(seed)
    c0, c1 = place & _LOW, place >> _HALF
    c2, c3 = np.uint64(tensor) & _LOW, time & _LOW
    k0, k1 = start & _LOW, (np.uint64(draw) ^ (start >> _HALF)) & _LOW
    for _ in range(ROUNDS):
        low, high = c0 * _M0, c2 * _M1
        c0, c1 = (high >> _HALF) ^ c1 ^ k0, high & _LOW
        c2, c3 = (low >> _HALF) ^ c3 ^ k1, low & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return c0, c1, c2, c3
