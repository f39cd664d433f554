"""Philox of many calls at once: vectors of LLVM, which it divides into those of a processor.

It is ``optgen.runtime.philox``, and several vectors hide how long a product takes. A number of 32
bits is the lower half of a lane of 64; what the upper half holds is cut off before each product.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from optgen.runtime.philox import INCREMENTS, MULTIPLIERS, ROUNDS

#: Calls at once.
CALLS = 32
_INT32, _INT64 = ir.IntType(32), ir.IntType(64)
_LANES = ir.VectorType(_INT64, CALLS)
_LOW = 0xFFFFFFFF


@intrinsic
def draw(context: Any, noise: Any, number: Any, first: Any, stream: Any) -> Any:
    """Store the words of some calls, from the one at place ``first`` on: four for each call.

    They begin at the ``number``-th 64 bits of ``noise``; a stream is tensor, step, seed and draw.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        noise, number, first, stream = arguments
        words = _words(builder, first, [builder.extract_value(stream, k) for k in range(4)])
        halves = (_joined(builder, *words[begin : begin + 2]) for begin in (0, 2))
        pairs = [place for k in range(CALLS) for place in (k, CALLS + k)]
        found = builder.shuffle_vector(*halves, _places(pairs))
        start = builder.bitcast(builder.gep(noise, [number]), found.type.as_pointer())
        builder.store(found, start, align=8)
        return context.get_dummy_value()

    return types.void(noise, types.int64, types.int64, stream), generate


def _words(builder: Any, first: Any, stream: Any) -> list[Any]:
    tensor, step, seed, number = stream
    places = builder.add(_splat(builder, first), ir.Constant(_LANES, list(range(CALLS))))
    words = [places, builder.lshr(places, _all(32)), *(_splat(builder, x) for x in (tensor, step))]
    keys = [seed, builder.xor(number, builder.lshr(seed, _INT64(32)))]
    for _ in range(ROUNDS):
        low, high = (
            builder.mul(builder.and_(word, _all(_LOW)), _all(factor))
            for word, factor in zip(words[::2], map(int, MULTIPLIERS), strict=True)
        )
        mixed = (
            builder.xor(builder.xor(builder.lshr(product, _all(32)), word), _splat(builder, key))
            for product, word, key in zip((high, low), words[1::2], keys, strict=True)
        )
        words = list(chain(*zip(mixed, (high, low), strict=True)))
        keys = [
            builder.add(key, _INT64(int(more))) for key, more in zip(keys, INCREMENTS, strict=True)
        ]
    return words


def _joined(builder: Any, low: Any, high: Any) -> Any:
    """The lower halves of lanes of two vectors, one beside the other."""
    halves = ir.VectorType(_INT32, 2 * CALLS)
    places = [place for k in range(0, 2 * CALLS, 2) for place in (k, 2 * CALLS + k)]
    numbers = (builder.bitcast(one, halves) for one in (low, high))
    return builder.bitcast(builder.shuffle_vector(*numbers, _places(places)), _LANES)


def _places(numbers: list[int]) -> Any:
    return ir.Constant(ir.VectorType(_INT32, len(numbers)), numbers)


def _all(number: int) -> Any:
    return ir.Constant(_LANES, [number] * CALLS)


def _splat(builder: Any, number: Any) -> Any:
    one = builder.insert_element(ir.Constant(_LANES, ir.Undefined), number, _INT32(0))
    return builder.shuffle_vector(one, one, _places([0] * CALLS))
