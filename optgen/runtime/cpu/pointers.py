"""Memory access by address, and reorderable sums, for generated CPU kernels."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from optgen.runtime import codes
from optgen.runtime.cpu.storage import Formats

#: Elements that a kernel goes through between two looks ahead: those that share a unit, too.
BLOCK = codes.BLOCK
#: The most of these that a longer block has.
MOST_BLOCKS = 3
#: How far ahead it asks for memory, in bytes: a processor's own guesses end with each page, and
#: few streams alone don't keep its memory busy.
AHEAD = 3072
#: The bytes that are on their way in a pass over few arrays, of all of them together.
_ON_THEIR_WAY = 12288
_CACHE_LINE = 64

_INT32, _BYTES = ir.IntType(32), ir.IntType(8).as_pointer()
_LOAD, _ALL_CACHES, _DATA = 0, 3, 1


@intrinsic
def pointer(context: Any, address: Any, start: Any, real: Any) -> Any:
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


def fetch(builder: Any, start: Any, ahead: Any, size: int) -> None:
    """Ask for so many bytes that lie ahead of an address. They needn't be anyone's."""
    levels = [ir.Constant(_INT32, number) for number in (_LOAD, _ALL_CACHES, _DATA)]
    kind = ir.FunctionType(ir.VoidType(), [_BYTES, _INT32, _INT32, _INT32])
    ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    here = builder.gep(builder.bitcast(start, _BYTES), [ahead])
    for offset in range(0, size, _CACHE_LINE):
        builder.call(ask, [cgutils.gep(builder, here, offset), *levels])


def strips(streams: int) -> tuple[int, int]:
    """The elements of a block in a pass over so many arrays, and the bytes that it looks ahead.

    One array alone has longer blocks. Those of several would ask for too much memory at once.
    """
    length = 2 * BLOCK if streams == 1 else BLOCK
    return length, max(AHEAD, _ON_THEIR_WAY // max(1, streams))


def long_block(formats: Formats, is_rough: bool) -> int:
    """The elements of a block in a pass that reduces each block before it adds up the results.

    What a block costs besides its elements then counts less; blocks with codes keep their length.
    """
    has_codes = any(name in codes.CODES for name in formats.columns)
    return MOST_BLOCKS * BLOCK if is_rough and not has_codes else BLOCK


@njit
def view(address: int, count: int, real: type) -> Any:
    """The ``count`` elements of type ``real`` that begin at an address, as an array."""
    return carray(pointer(address, 0, real), count)


@intrinsic
def add_in_any_order(context: Any, total: Any, term: Any) -> Any:
    """A sum that the compiler may reorder; only inside one chunk, so always alike."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments, flags=("reassoc",))

    kind = total if isinstance(term, types.Float) else types.float64
    return kind(kind, kind), generate


def _extreme(name: str) -> Any:
    """A reduction that is NaN if any of its terms is."""

    @intrinsic
    def extreme(context: Any, found: Any, term: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            number = arguments[0].type
            kind = ir.FunctionType(number, [number, number])
            called = f"llvm.{name}.f{found.bitwidth}"
            function = cgutils.get_or_insert_function(builder.module, kind, called)
            return builder.call(function, arguments, fastmath=("nsz",))

        return found(found, found), generate

    return extreme


#: Loops that compare with ``maximum`` and ``minimum`` of the language aren't vectorized.
larger, smaller = _extreme("maximum"), _extreme("minimum")
