"""Numbers of kernels as they are loaded again once they're stored."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.cuda.extending import intrinsic

from optgen.runtime.cpu.stochastic import FIRST_DRAW
from optgen.runtime.cuda import simulated
from optgen.runtime.cuda.elements import elements_of, start_type
from optgen.runtime.cuda.jit import SIMULATED
from optgen.runtime.cuda.noise import Noise


@intrinsic
def _as_stored(
    context: Any, value: Any, start: Any, index: Any, column: Any, formats: Any
) -> tuple[Any, Any] | None:
    if not isinstance(column, types.Literal):
        return None
    place, chosen = column.literal_value, formats.instance_type
    storage = chosen.storage(place)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number, start, index = arguments[:3]
        fields = cgutils.unpack_tuple(builder, start)
        real = context.get_value_type(value)
        elements = elements_of(storage)(builder, real, storage, fields)
        noise = None
        if elements.is_drawn:
            noise = Noise(builder, elements.stream, FIRST_DRAW + place).of_one(index)
        return elements.decoded(*elements.encoded(number, noise))

    return value(value, start_type(place, chosen), types.int64, column, formats), generate


#: ``as_stored(value, start, index, column, formats)``: a number as it is loaded again once it's
#: stored at a place of a stretch of the buffer of a column.
as_stored = simulated.as_stored if SIMULATED else _as_stored
