"""Starts: where a stretch of a buffer begins, and what its storage needs beside.

A start is a tuple; the lowest bits of its first field are 0 where vectors are aligned.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.cuda.extending import intrinsic

from optgen.runtime.codes import CODES
from optgen.runtime.cpu import split
from optgen.runtime.cpu.stochastic import FIRST_DRAW
from optgen.runtime.cuda import simulated
from optgen.runtime.cuda.control import ROUNDING_SEED, ROUNDING_STEP
from optgen.runtime.cuda.elements import elements_of, start_type
from optgen.runtime.cuda.jit import SIMULATED
from optgen.runtime.cuda.noise import Noise

_INT64 = ir.IntType(64)


@intrinsic
def _start_at(
    context: Any, addresses: Any, control: Any, buffers: Any, here: Any, column: Any, formats: Any
) -> tuple[Any, Any] | None:
    if not isinstance(column, types.Literal):
        return None
    place, chosen = column.literal_value, formats.instance_type
    result = start_type(place, chosen)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses, control, buffers, here = arguments[:4]
        tensor, first, origin = (builder.extract_value(here, k) for k in range(3))
        row = builder.mul(buffers, tensor)

        def address_of(at: Any) -> Any:
            return builder.load(builder.gep(addresses, [builder.add(row, at)]))

        def first_of(at: Any, itemsize: int) -> Any:
            """The number of the first element of an array, of ``itemsize`` bytes each."""
            shift = _INT64(itemsize.bit_length() - 1)
            return builder.add(builder.lshr(address_of(at), shift, flags=["exact"]), first)

        def stream() -> list[Any]:
            """What noise depends on."""
            numbers = ROUNDING_STEP, ROUNDING_SEED
            drawn = (builder.load(builder.gep(control, [_INT64(k)])) for k in numbers)
            return [origin, tensor, *drawn]

        storage = chosen.storage(place)
        if storage in CODES:
            key = Noise(builder, stream(), FIRST_DRAW + place).key()
            found = [first, address_of(_INT64(place)), origin, key]
            return context.make_tuple(builder, result, found)
        found = [first_of(_INT64(place), chosen.itemsize(place))]
        further = split.further_bits(storage)
        if further:
            found.append(first_of(builder.sub(buffers, _INT64(1)), further // 8))
            found = [builder.or_(*found), *found]
        if elements_of(storage).is_drawn:
            found += stream()
        return context.make_tuple(builder, result, found)

    kinds = addresses, control, types.int64, types.UniTuple(types.int64, 3), column, formats
    return result(*kinds), generate


#: ``start_at(addresses, control, buffers, here, column, formats)``: the start of a stretch of the
#: buffer of a column. ``here`` is the variable, the first element in memory, and its place in the
#: whole variable; ``buffers`` is the number of addresses of a variable, of which the last one is
#: that of its remainder.
start_at = simulated.start_at if SIMULATED else _start_at
