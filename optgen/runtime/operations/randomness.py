"""Random numbers of operations: the bits that kernels draw, from integers that each library has.

``optgen.runtime.philox`` and ``optgen.runtime.draws`` say what they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

_M0, _M1 = 0xD2511F53, 0xCD9E8D57
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10
_WORD, _HALF = 0xFFFFFFFF, 0xFFFF
_BASE = 2.0**32
Words = tuple[Any, Any, Any, Any]


class Integers:
    """Words of 32 bits as tensors: of int64 where a library has it, else of uint32.

    Products are made of halves, so that neither overflows.
    """

    def __init__(self, library: Any, *, is_wide: bool) -> None:
        """``is_wide`` says if there are numbers of 64 bits."""
        self.library = library
        self.dtype = "int64" if is_wide else "uint32"

    def number(self, value: Any) -> Any:
        """A whole number as a tensor."""
        return self.library.convert_to_tensor(value, self.dtype)

    def words_of(self, value: Any) -> tuple[Any, Any]:
        """The lower and the upper word of a whole number, a Python float or a tensor."""
        if not self.library.is_tensor(value):
            return self.number(int(value) & _WORD), self.number(int(value) >> 32)
        upper = self.library.floor(self.library.divide(value, _BASE))
        lower = value - self.library.multiply(upper, _BASE)
        return self.library.cast(lower, self.dtype), self.library.cast(upper, self.dtype)

    def low(self, value: Any, mask: int) -> Any:
        """The lower bits of a number."""
        return self.library.bitwise_and(value, self.number(mask))

    def shifted(self, value: Any, bits: int) -> Any:
        """A number without its lowest bits."""
        return self.library.right_shift(value, self.number(bits))

    def sum(self, value: Any, other: int) -> Any:
        """The lower word of a sum."""
        return self.low(self.library.add(value, self.number(other)), _WORD)

    def product(self, word: Any, factor: int) -> tuple[Any, Any]:
        """The lower and the upper word of a product."""
        a0, a1 = self.low(word, _HALF), self.shifted(word, 16)
        b0, b1 = self.number(factor & _HALF), self.number(factor >> 16)
        least = self.library.multiply(a0, b0)
        middle = self.library.add(self.library.multiply(a1, b0), self.shifted(least, 16))
        other = self.library.add(self.library.multiply(a0, b1), self.low(middle, _HALF))
        lower = self.library.left_shift(self.low(other, _HALF), self.number(16))
        carried = self.library.add(self.shifted(middle, 16), self.shifted(other, 16))
        upper = self.library.add(self.library.multiply(a1, b1), carried)
        return self.library.bitwise_or(lower, self.low(least, _HALF)), upper

    def random(self, places: Any, tensor: int, step: Any, seed: Any, draw: int) -> Words:
        """Four random words for each place: Philox4x32 with ten rounds."""
        nothing = self.library.zeros_like(places)
        second = self.shifted(places, 32) if self.dtype == "int64" else nothing
        counter = self.low(places, _WORD), second, self.number(tensor), self.words_of(step)[0]
        first, last = self.words_of(seed)
        state = [self.library.add(nothing, word) for word in counter]
        key = first, self.library.bitwise_xor(last, self.number(draw))
        # A loop, since backends take long to compile as many operations as it replaces.
        found = self.library.fori_loop(0, _ROUNDS, self._round, (*state, *key))
        return found[0], found[1], found[2], found[3]

    def _round(self, _: Any, state: Sequence[Any]) -> tuple[Any, ...]:
        xor = self.library.bitwise_xor
        c0, c1, c2, c3, k0, k1 = state
        (low, high), (other_low, other_high) = self.product(c0, _M0), self.product(c2, _M1)
        one, third = xor(xor(other_high, c1), k0), xor(xor(high, c3), k1)
        return one, other_low, third, low, self.sum(k0, _W0), self.sum(k1, _W1)


class Draws:
    """Functions of tensors of one variable, and random numbers for its elements.

    ``places`` makes the places of the elements, of a dtype; ``number`` is that of the variable.
    """

    def __init__(
        self, functions: Any, places: Callable[[str], Any], number: int, integers: Integers
    ) -> None:
        self._functions, self._places, self._number = functions, places, number
        self._integers = integers
        self._library = integers.library

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self._functions, name)
        return found

    def normal(self, seed: Any, step: Any, draw: int) -> Any:
        """From the normal distribution of mean 0 and variance 1."""
        real = self._functions.real
        one, other, third, last = self._words(seed, step, draw)
        length = self._library.sqrt(real(-2.0) * self._library.log(self._fraction(one, other)))
        # The cosine as that of half the angle, which is rounded less.
        sine = self._library.sin((self._fraction(third, last) - real(0.5)) * real(math.pi))
        return length * (real(2.0) * sine * sine - real(1.0))

    def uniform(self, seed: Any, step: Any, draw: int) -> Any:
        """Between 0 and 1."""
        one, other, _, _ = self._words(seed, step, draw)
        return self._fraction(one, other)

    def random_sign(self, seed: Any, step: Any, draw: int) -> Any:
        """-1 or 1."""
        real, one = self._functions.real, self._words(seed, step, draw)[0]
        return real(1.0) - real(2.0) * self._real(self._integers.low(one, 1))

    def _words(self, seed: Any, step: Any, draw: int) -> Words:
        places = self._places(self._integers.dtype)
        return self._integers.random(places, self._number, step, seed, draw)

    def _fraction(self, high: Any, low: Any) -> Any:
        """A number between 0 and 1, both excluded, from the upper bits of words."""
        real, integers = self._functions.real, self._integers
        if self._functions.dtype == "float32":
            return (self._real(integers.shifted(high, 9)) + real(0.5)) * real(2.0**-23)
        upper = self._library.left_shift(high, integers.number(20))
        bits = self._library.bitwise_or(upper, integers.shifted(low, 12))
        return (self._real(bits) + real(0.5)) * real(2.0**-52)

    def _real(self, whole: Any) -> Any:
        return self._library.cast(whole, self._functions.dtype)
