"""Noise of codes in kernels: up or down at random, so that a state is right in the mean.

It depends on the place of a block in the whole variable, the variable, the buffer, the call and a
seed, and on nothing else. Each buffer of a variable has a key in a call, each block two numbers,
and its elements are multiply-shift hashes of their places in it (Dietzfelbinger, 1996), of which
any two are independent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from optgen.runtime.codes import BLOCK
from optgen.runtime.cpu.inlining import inlined
from optgen.runtime.cpu.stochastic import STREAM, stream, words

_WIDE, _INT32 = ir.IntType(64), ir.IntType(32)
_HALF = np.uint64(32)
#: SplitMix64 (Steele, Lea and Flood, 2014): the step from place to place, and two mixers, each
#: with the shift before it.
STEP = 0x9E3779B97F4A7C15
MIXERS = (30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)
LAST_SHIFT = 31
#: What an element's place in its block is hashed as. They differ in their lowest bits, so that the
#: highest bits of any two products differ at random.
FACTORS = [place * (place + 1) // 2 for place in range(BLOCK)]


def key(context: Any, builder: Any, kinds: Any, given: Any) -> Any:
    """The key of a buffer in a call; given are the addresses, the variable, and the column.

    A kernel keeps it for the blocks that follow.
    """

    def of(held: Any, some: Any) -> Any:
        tensor, step, seed, draw = some
        # In the beginning all is zero.
        if held[0] != tensor + 1:
            one, other, _, _ = words(0, tensor, step, seed, draw)
            held[0], held[1] = tensor + 1, one | other << _HALF
        return held[1]

    held = cgutils.alloca_once(builder, ir.ArrayType(_WIDE, 2))
    own = builder.bitcast(held, _WIDE.as_pointer()), stream(context, builder, kinds, given)
    signature = types.uint64(types.CPointer(types.uint64), STREAM)
    return inlined(context, builder, of, signature, own)


def numbers(builder: Any, key: Any, place: Any) -> tuple[Any, Any]:
    """The factor, which is odd, and the summand of a block whose first element is at a place."""
    mixed = builder.add(key, builder.mul(place, _WIDE(STEP)))
    for shift, mixer in MIXERS:
        mixed = builder.mul(builder.xor(mixed, builder.lshr(mixed, _WIDE(shift))), _WIDE(mixer))
    mixed = builder.xor(mixed, builder.lshr(mixed, _WIDE(LAST_SHIFT)))
    factor = builder.or_(builder.trunc(mixed, _INT32), _INT32(1))
    return factor, builder.trunc(builder.lshr(mixed, _WIDE(32)), _INT32)
