"""Split numbers in kernels: a bfloat16 and 8 or 16 further bits, together a float of 24 or 32.

The bfloat16 is the nearest one, and of two equally near ones that of the larger magnitude; the
further bits are what the magnitude has more or less, in units of its own last place.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from optgen.runtime.cpu.storage import SPLIT

_INT32, _FLOAT = ir.IntType(32), ir.FloatType()
_MAGNITUDE, _INFINITY, _NAN = 0x7FFFFFFF, 0x7F800000, 0x7FC0


def further_bits(storage: str) -> int:
    """The number of bits beside the visible ones; 0 where there are none."""
    return int(storage.partition(SPLIT)[2] or 0)


def joined(builder: Any, further: int, visible: Any, rest: Any) -> Any:
    """The float32 of both parts.

    A zero that was put in place of another number stays one, whatever is left of the other.
    """
    wide = builder.shl(builder.zext(visible, _INT32), _INT32(16))
    sign = builder.and_(wide, _INT32(~_MAGNITUDE & 0xFFFFFFFF))
    added = builder.shl(builder.sext(rest, _INT32), _INT32(16 - further))
    magnitude = builder.add(builder.and_(wide, _INT32(_MAGNITUDE)), added)
    is_below = builder.icmp_signed("<", magnitude, _INT32(0))
    magnitude = builder.select(is_below, _INT32(0), magnitude)
    return builder.bitcast(builder.or_(magnitude, sign), _FLOAT)


def parted(builder: Any, further: int, value: Any) -> tuple[Any, Any]:
    """Both parts of a float32, which is rounded to nearest, ties to even, for 8 further bits."""
    bits = builder.bitcast(value, _INT32)
    magnitude = builder.and_(bits, _INT32(_MAGNITUDE))
    is_nan = builder.icmp_unsigned(">", magnitude, _INT32(_INFINITY))
    dropped = 16 - further
    if dropped:
        odd = builder.and_(builder.lshr(magnitude, _INT32(dropped)), _INT32(1))
        magnitude = builder.add(magnitude, builder.add(odd, _INT32((1 << dropped - 1) - 1)))
        magnitude = builder.lshr(magnitude, _INT32(dropped))
    upper = builder.lshr(builder.add(magnitude, _INT32(1 << further - 1)), _INT32(further))
    rest = builder.sub(magnitude, builder.shl(upper, _INT32(further)))
    upper = builder.select(is_nan, _INT32(_NAN), upper)
    rest = builder.select(is_nan, _INT32(0), rest)
    sign = builder.lshr(builder.and_(bits, _INT32(~_MAGNITUDE & 0xFFFFFFFF)), _INT32(16))
    visible = builder.trunc(builder.or_(upper, sign), ir.IntType(16))
    return visible, builder.trunc(rest, ir.IntType(further))
