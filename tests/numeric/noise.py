"""Random numbers of rules, drawn again from the paper of their generator, for whole arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
#: Numbers of the draws of one part of a step, which no other part has.
OF_EACH_PART = 4096


def philox(counter: Sequence[Any], key: Sequence[int]) -> list[Array]:
    """Philox4x32-10 of Salmon et al., 2011, section 3.3, of words that are arrays."""
    words: list[Array] = [np.asarray(word, np.uint64) for word in counter]
    left, right = key
    for _ in range(10):
        first, second = words[0] * np.uint64(0xD2511F53), words[2] * np.uint64(0xCD9E8D57)
        mixed = [(second >> 32) ^ words[1] ^ left, (first >> 32) ^ words[3] ^ right]
        words = [mixed[0], second & 0xFFFFFFFF, mixed[1], first & 0xFFFFFFFF]
        left, right = (left + 0x9E3779B9) % 2**32, (right + 0xBB67AE85) % 2**32
    return words


def _fraction(high: Array, low: Array, bits: int) -> Array:
    """Between 0 and 1: the upper bits of two words, and a half of the last of them."""
    whole = (high.astype(np.uint64) << 32) | low
    return np.asarray(((whole >> (64 - bits)).astype(np.float64) + 0.5) / 2.0**bits)


def normal(words: Sequence[Array], bits: int) -> Array:
    """Box and Muller's first number of two between 0 and 1."""
    radius = np.sqrt(-2 * np.log(_fraction(words[0], words[1], bits)))
    return np.asarray(radius * np.cos(2 * np.pi * _fraction(words[2], words[3], bits)))


DRAWS: dict[str, Callable[[Sequence[Array], int], Array]] = {
    "normal": normal,
    "uniform": lambda words, bits: _fraction(words[0], words[1], bits),
    "random_sign": lambda words, bits: 1.0 - 2.0 * (words[0] & 1),
}


def draws(
    variables: Sequence[Array], indices: Sequence[int], seed: int, step: int, part: int
) -> dict[str, Callable[..., Array]]:
    """The functions of one part's rule that draw, for some of all variables behind one another.

    A draw has its number in the rule; ``part`` is the place of the rule in the step. A draw by a
    key has the key for the step, and the last of the numbers, one for each kind. Variables of
    float32 take fewer bits of the same words.
    """

    def of(kind: Callable[[Sequence[Array], int], Array], last: int) -> Callable[..., Array]:
        def draw(number: int, key_given: float | None = None) -> Array:
            time = step
            if key_given is not None:
                number, time = last, int(max(np.floor(key_given), 0))
            found = []
            for index in indices:
                # Places are those in memory.
                order: Any = "F" if variables[index].flags.f_contiguous else "C"
                places = np.arange(variables[index].size).reshape(
                    variables[index].shape, order=order
                )
                flat = np.ravel(places)
                key = [seed % 2**32, (OF_EACH_PART * part + number) ^ (seed >> 32)]
                words = philox(
                    [
                        flat,
                        np.zeros_like(flat),
                        np.full_like(flat, index),
                        np.full_like(flat, time),
                    ],
                    key,
                )
                found.append(kind(words, 23 if variables[index].dtype == np.float32 else 52))
            return np.concatenate(found)

        return draw

    return {
        name: of(kind, OF_EACH_PART - 1 - place) for place, (name, kind) in enumerate(DRAWS.items())
    }
