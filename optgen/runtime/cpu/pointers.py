"""Memory by address, and sums that may be vectorised, for generated CPU kernels."""

from __future__ import annotations

from typing import Any

from numba import carray, njit, types
from numba.extending import intrinsic


@intrinsic
def _pointer(context: Any, address: Any, real: Any) -> Any:
    """An integer as a pointer to elements of the type ``real``."""
    result = types.CPointer(real.dtype)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(result))

    return result(address, real), generate


@njit
def view(address: int, count: int, real: type) -> Any:
    """The ``count`` elements of type ``real`` that begin at an address, as an array."""
    return carray(_pointer(address, real), count)


@intrinsic
def add_in_any_order(context: Any, total: Any, term: Any) -> Any:
    """A float64 sum that the compiler may reorder; only inside one chunk, so always alike."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments, flags=("reassoc",))

    return types.float64(types.float64, types.float64), generate
