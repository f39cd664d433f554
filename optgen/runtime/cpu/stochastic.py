"""Drawn rounding in kernels: up or down at random, so that a stored number is right in the mean.

The noise of an element is 16 bits, which depend on its place in the whole variable, the variable,
the buffer, the call and a seed, and on nothing else: neither on threads nor on what is here of a
variable. One call of Philox has the noise of eight elements that follow each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils

from optgen.runtime import philox
from optgen.runtime.cpu.inlining import inlined
from optgen.runtime.cpu.noise import CALLS, draw
from optgen.runtime.cpu.storage import DRAWN, SEED, STEP

#: Draws of buffers, by column, have numbers from here on: others than those of rules.
FIRST_DRAW = 1 << 31
#: Elements of a call of Philox, as a power of two; words of 64 bits that it fills.
_EIGHT, _WORDS = 3, 2
#: Calls for noise at once: several blocks', so that their common part costs little.
_CALLS = 64

words = njit(error_model="numpy", forceinline=True)(philox.words)
_INT16, _INT32, _FLOAT = ir.IntType(16), ir.IntType(32), ir.FloatType()

_SIGN, _MAGNITUDE = 0x80000000, 0x7FFFFFFF
#: In float32: infinity; from where on nearest rounding makes infinity of a number, and the bits of
#: the largest finite number, of infinity and of NaN of each half.
_INFINITY = 0x7F800000
_ENDS = {
    "bfloat16": (0x7F7F8000, 0x7F7F, 0x7F80, 0x7FC0),
    "float16": (0x477FF000, 0x7BFF, 0x7C00, 0x7E00),
}
#: The smallest normal number of float16 in float32, the difference of exponents of both in its
#: bits, and the number that makes an integer of a subnormal one, with 16 bits behind the point.
_NORMAL, _EXPONENTS, _POINT = 0x38800000, 112 << 10, 2.0**40


#: What the noise of a buffer depends on: variable, call, seed, and number of the draw.
STREAM = types.UniTuple(types.int64, 4)
#: Which elements a block has, of what is here and of the whole variable.
HERE = types.UniTuple(types.int64, 5)


def stream(context: Any, builder: Any, kinds: Any, given: Any) -> Any:
    """The stream of a buffer: given are the addresses, the variable, and the column."""

    def of(addresses: Any, tensor: int, column: int) -> Any:
        return tensor, addresses[tensor, STEP], addresses[tensor, SEED], FIRST_DRAW + column

    return inlined(context, builder, of, STREAM(*kinds[:3]), given[:3])


def tile(context: Any, builder: Any, some: Any, here: Any) -> Any:
    """The noise of a block, in memory of the kernel, as the address of that of its first element.

    That memory holds the noise of further blocks, which most often follow; for the next one it is
    only drawn where this one didn't.
    """

    def fill(noise: Any, held: Any, some: Any, here: Any) -> Any:
        _, place, size, _, _ = here
        tensor = some[0]
        begin, end = place >> _EIGHT, (place + size - 1) >> _EIGHT
        # In the beginning all is zero.
        if held[0] != tensor + 1 or begin < held[1] or end >= held[1] + _CALLS:
            held[0], held[1] = tensor + 1, begin
            for k in range(0, _CALLS, CALLS):
                draw(noise, _WORDS * k, begin + k, some)
        return place - (held[1] << _EIGHT)

    wide = ir.IntType(64)
    room = cgutils.alloca_once(builder, ir.ArrayType(wide, _WORDS * _CALLS))
    held = cgutils.alloca_once(builder, ir.ArrayType(wide, 2))
    given = [builder.bitcast(one, wide.as_pointer()) for one in (room, held)]
    kinds = types.CPointer(types.uint64), types.CPointer(types.int64), STREAM, HERE
    first = inlined(context, builder, fill, types.int64(*kinds), [*given, some, here])
    return builder.gep(builder.bitcast(room, _INT16.as_pointer()), [first])


def drawn(context: Any, builder: Any, some: Any, position: Any) -> Any:
    """The noise of one element, from the stream of its buffer."""

    def noise(some: Any, position: int) -> Any:
        tensor, step, seed, draw = some
        one, other, third, last = words(position >> _EIGHT, tensor, step, seed, draw)
        lane = position & 7
        low, high = (one, other) if lane < 4 else (third, last)
        word = high if lane & 2 else low
        return np.uint16(word >> np.uint64((lane & 1) << 4))

    return inlined(context, builder, noise, types.uint16(STREAM, types.int64), [some, position])


def encoded(builder: Any, storage: str, value: Any, noise: Any) -> Any:
    """A float32 rounded up where the bits that it loses are more than the noise leaves room for.

    No draw makes an infinity of a number of which nearest rounding doesn't.
    """
    bits, wide = builder.bitcast(value, _INT32), builder.zext(noise, _INT32)
    magnitude = builder.and_(bits, _INT32(_MAGNITUDE))
    half = storage.removesuffix(DRAWN)
    added = _float16 if half == "float16" else ir.IRBuilder.add
    wide = added(builder, magnitude, wide)
    # All that is stored is the upper half of 32 bits, to which the sign already belongs.
    first_infinite, largest, infinity, nan = _ENDS[half]
    most = _INT32(largest << 16 | 0xFFFF)
    drawn = builder.select(builder.icmp_unsigned(">", wide, most), most, wide)
    is_infinite = builder.icmp_unsigned(">=", magnitude, _INT32(first_infinite))
    drawn = builder.select(is_infinite, _INT32(infinity << 16), drawn)
    is_nan = builder.icmp_unsigned(">", magnitude, _INT32(_INFINITY))
    drawn = builder.select(is_nan, _INT32(nan << 16), drawn)
    drawn = builder.or_(drawn, builder.and_(bits, _INT32(_SIGN)))
    return builder.trunc(builder.lshr(drawn, _INT32(16)), _INT16)


def _float16(builder: Any, magnitude: Any, noise: Any) -> Any:
    """A magnitude in the upper half of 32 bits, which noise was added to.

    A normal number loses 13 bits; a subnormal one all that is behind a fixed point.
    """
    upper = builder.add(magnitude, builder.lshr(noise, _INT32(3)))
    normal = builder.shl(builder.sub(upper, _INT32(_EXPONENTS << 13)), _INT32(3))
    scaled = builder.fmul(builder.bitcast(magnitude, _FLOAT), ir.Constant(_FLOAT, _POINT))
    is_normal = builder.icmp_unsigned(">=", magnitude, _INT32(_NORMAL))
    # What is too large for an integer isn't converted.
    scaled = builder.select(is_normal, ir.Constant(_FLOAT, 0.0), scaled)
    fixed = builder.fptosi(scaled, _INT32)
    return builder.select(is_normal, normal, builder.add(fixed, noise))
