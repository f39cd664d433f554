"""The threads of a warp that have the elements of one block, and what they exchange."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from optgen.runtime.codes import BLOCK

_INT32, _INT64 = ir.IntType(32), ir.IntType(64)
_WARP, _ALL = 32, 0xFFFFFFFF
#: Modes of shuffles: from a thread of that number, and from one so much further on.
_FROM, _LATER = 0, 2


class BlockThreads:
    """The threads that share a block: as many as have elements of it.

    Each has ``lanes`` of them; this one's begin at a place ``within`` the block, and so many are
    ``left`` from the beginning of the block on.
    """

    def __init__(self, builder: Any, lanes: int, within: Any, left: Any) -> None:
        self._builder = builder
        shift = _INT32(lanes.bit_length() - 1)
        #: The number of threads of a whole block.
        self.most = BLOCK // lanes
        #: The number of this thread among them.
        self.own = builder.lshr(within, shift)
        is_whole = builder.icmp_signed(">=", left, _INT64(BLOCK))
        elements = builder.select(is_whole, _INT32(BLOCK), builder.trunc(left, _INT32))
        count = builder.lshr(builder.add(elements, _INT32(lanes - 1)), shift)
        self._last = builder.sub(count, _INT32(1))
        every = builder.lshr(_INT32(_ALL), builder.sub(_INT32(_WARP), count))
        lane = called(builder, "llvm.nvvm.read.ptx.sreg.laneid", _INT32)
        self._mask = builder.shl(every, builder.sub(lane, self.own))

    def largest(self, own: Any) -> Any:
        """The largest number of all threads."""
        step = 1
        while step < self.most:
            # Behind the last thread, each gets its own.
            found, _ = self._shuffled(_LATER, own, step, self._last)
            own, step = larger(self._builder, own, found), 2 * step
        found, _ = self._shuffled(_FROM, own, 0, _INT32(_WARP - 1))
        return found

    def of_later(self, own: Any, step: int) -> Any:
        """The number of the thread ``step`` further on; 0 where there is none."""
        found, is_there = self._shuffled(_LATER, own, step, self._last)
        return self._builder.select(is_there, found, _INT32(0))

    def _shuffled(self, mode: int, own: Any, step: int, last: Any) -> tuple[Any, Any]:
        """The number of another thread, not behind the ``last``, and whether there is one."""
        builder = self._builder
        limits = builder.or_(last, _INT32(_WARP - self.most << 8))
        given = [self._mask, _INT32(mode), own, _INT32(step), limits]
        pair = ir.LiteralStructType([_INT32, ir.IntType(1)])
        found = called(builder, "llvm.nvvm.shfl.sync.i32", pair, *given)
        return builder.extract_value(found, 0), builder.extract_value(found, 1)


def called(builder: Any, name: str, result: Any, *given: Any) -> Any:
    """The result of a function that NVVM has."""
    kind = ir.FunctionType(result, [one.type for one in given])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), given)


def larger(builder: Any, one: Any, other: Any) -> Any:
    """The larger of two numbers without a sign."""
    return builder.select(builder.icmp_unsigned(">", one, other), one, other)
