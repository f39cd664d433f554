"""Memory access by address, and reorderable sums, for generated CPU kernels."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

#: Elements that a kernel goes through between two looks ahead.
BLOCK = 64
#: How far ahead it asks for memory, in bytes: a processor's own guesses end with each page, and
#: one stream alone doesn't keep its memory busy.
_AHEAD = 3072
_CACHE_LINE = 64

_INT32, _BYTES = ir.IntType(32), ir.IntType(8).as_pointer()
_LOAD, _ALL_CACHES, _DATA = 0, 3, 1


@intrinsic
def _pointer(context: Any, address: Any, start: Any, real: Any) -> Any:
    """The address of elements of the type ``real`` as a pointer to the one at ``start``."""
    result = types.CPointer(real.dtype)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first = builder.inttoptr(arguments[0], context.get_value_type(result))
        return builder.gep(first, [arguments[1]])

    return result(address, start, real), generate


@intrinsic
def number_at(context: Any, address: Any, real: Any) -> Any:
    """The number of the type ``real`` at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(real.dtype).as_pointer()
        return builder.load(builder.inttoptr(arguments[0], kind))

    return real.dtype(address, real), generate


@intrinsic
def _look_ahead(context: Any, pointer: Any) -> Any:
    """Ask for the memory of a block that lies ahead. It needn't be anyone's: none is read."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        levels = [ir.Constant(_INT32, number) for number in (_LOAD, _ALL_CACHES, _DATA)]
        kind = ir.FunctionType(ir.VoidType(), [_BYTES, _INT32, _INT32, _INT32])
        ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        here = builder.bitcast(arguments[0], _BYTES)
        block = BLOCK * context.get_abi_sizeof(context.get_value_type(pointer.dtype))
        for offset in range(_AHEAD, _AHEAD + block, _CACHE_LINE):
            builder.call(ask, [cgutils.gep(builder, here, offset), *levels])
        return context.get_dummy_value()

    return types.void(pointer), generate


@njit
def view(address: int, count: int, real: type) -> Any:
    """The ``count`` elements of type ``real`` that begin at an address, as an array."""
    return carray(_pointer(address, 0, real), count)


@njit
def block(address: int, start: int, size: int, real: type) -> Any:
    """Some elements of type ``real``, of those at an address the ones from ``start`` on."""
    pointer = _pointer(address, start, real)
    if size == BLOCK:
        _look_ahead(pointer)
    return carray(pointer, size)


@intrinsic
def add_in_any_order(context: Any, total: Any, term: Any) -> Any:
    """A float64 sum that the compiler may reorder; only inside one chunk, so always alike."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments, flags=("reassoc",))

    return types.float64(types.float64, types.float64), generate
