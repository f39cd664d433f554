"""The noise of drawn rounding in kernels: that of the host's, from Philox.

A call has the noise of eight elements that follow each other. A thread's lanes are among those of
one call, unless a part of a larger variable begins in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from optgen.runtime import philox

_INT16, _INT32, _INT64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)
#: Elements of a call of Philox, as a power of two; of a word of 64 bits; and the bits of one.
_EIGHT, _OF_WORD, _BITS = 3, 4, 16


class Noise:
    """The noise of a buffer.

    ``stream`` is the place of the first element in the whole variable, the variable, the number of
    the call, and the seed; ``draw`` is the number of the buffer's draws.
    """

    def __init__(self, builder: Any, stream: Sequence[Any], draw: int) -> None:
        self._builder, self._draw = builder, draw
        self._place, self._tensor, self._step, self._seed = stream

    def of_lanes(self, index: Any, number: int) -> list[Any]:
        """The noise of so many elements that follow each other, from an index on."""
        builder = self._builder
        place = builder.add(self._place, index)
        call, within = builder.ashr(place, _INT64(_EIGHT)), builder.and_(place, _INT64(7))
        first, second = self._words(call)
        is_over = builder.icmp_unsigned(">", within, _INT64((1 << _EIGHT) - number))
        before = builder.block
        with builder.if_then(is_over, likely=False):
            more, _ = self._words(builder.add(call, _INT64(1)))
            after = builder.block
        third = builder.phi(_INT64)
        third.add_incoming(_INT64(0), before)
        third.add_incoming(more, after)
        is_late = builder.icmp_unsigned(">=", within, _INT64(_OF_WORD))
        low = builder.select(is_late, second, first)
        high = builder.select(is_late, third, second)
        shift = builder.mul(builder.and_(within, _INT64(_OF_WORD - 1)), _INT64(_BITS))
        # In two steps, since none may be by 64 bits.
        above = builder.shl(builder.shl(high, builder.sub(_INT64(63), shift)), _INT64(1))
        bits = builder.or_(builder.lshr(low, shift), above)
        return [builder.trunc(builder.lshr(bits, _INT64(_BITS * k)), _INT16) for k in range(number)]

    def key(self) -> Any:
        """The key of codes in a call: a word of the first call of Philox."""
        return self._words(_INT64(0))[0]

    def of_one(self, index: Any) -> Any:
        """The noise of one element."""
        builder = self._builder
        place = builder.add(self._place, index)
        first, second = self._words(builder.ashr(place, _INT64(_EIGHT)))
        within = builder.and_(place, _INT64(7))
        is_late = builder.icmp_unsigned(">=", within, _INT64(_OF_WORD))
        shift = builder.mul(builder.and_(within, _INT64(_OF_WORD - 1)), _INT64(_BITS))
        word = builder.select(is_late, second, first)
        return builder.trunc(builder.lshr(word, shift), _INT16)

    def _words(self, call: Any) -> tuple[Any, Any]:
        """Two words of 64 bits: those of ``philox.words`` in pairs, the lower half first."""
        builder = self._builder
        c0, c1 = self._halves(call)
        c2, c3 = (builder.trunc(one, _INT32) for one in (self._tensor, self._step))
        k0, k1 = self._halves(self._seed)
        k1 = builder.xor(k1, _INT32(self._draw))
        for _ in range(philox.ROUNDS):
            (low0, high0), (low1, high1) = (
                self._halves(self._product(one, by))
                for one, by in zip((c0, c2), philox.MULTIPLIERS, strict=True)
            )
            c0, c1 = builder.xor(builder.xor(high1, c1), k0), low1
            c2, c3 = builder.xor(builder.xor(high0, c3), k1), low0
            k0, k1 = (
                builder.add(key, _INT32(by))
                for key, by in zip((k0, k1), philox.INCREMENTS, strict=True)
            )
        return self._joined(c0, c1), self._joined(c2, c3)

    def _product(self, one: Any, by: int) -> Any:
        """The product of 64 bits, as one instruction: NVVM makes a longer product of it."""
        kind = ir.FunctionType(_INT64, [_INT32, _INT32])
        given = [one, _INT32(by)]
        return self._builder.asm(kind, "mul.wide.u32 $0, $1, $2;", "=l,r,r", given, False)

    def _halves(self, word: Any) -> tuple[Any, Any]:
        upper = self._builder.lshr(word, _INT64(32))
        return self._builder.trunc(word, _INT32), self._builder.trunc(upper, _INT32)

    def _joined(self, low: Any, high: Any) -> Any:
        wide = (self._builder.zext(one, _INT64) for one in (low, high))
        lower, upper = wide
        return self._builder.or_(lower, self._builder.shl(upper, _INT64(32)))
