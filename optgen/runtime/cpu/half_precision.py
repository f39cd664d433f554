"""Half precision in kernels: decoded in registers when an element is loaded, encoded at its store.

bfloat16 is the upper half of a float32, so integer operations convert it, on any processor, and
loops are vectorized. float16 is converted by the processor.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

_INT16, _INT32 = ir.IntType(16), ir.IntType(32)
_DOUBLE, _FLOAT, _HALF = ir.DoubleType(), ir.FloatType(), ir.HalfType()
#: The bits of the NaN that is stored as bfloat16.
_NAN = 0x7FC0
#: Half a unit in the last place of a bfloat16, less one.
_BELOW_HALF = 0x7FFF


def bits_of(storage: str) -> int:
    """The number of bits of a stored number."""
    return 32 if storage == "float32" else 16


def decoded(builder: Any, storage: str, value: Any) -> Any:
    """A stored number, as an integer of its size, as a float32."""
    if storage == "float32":
        return builder.bitcast(value, _FLOAT)
    if storage.startswith("float16"):
        return builder.fpext(builder.bitcast(value, _HALF), _FLOAT)
    wide = builder.zext(value, _INT32)
    return builder.bitcast(builder.shl(wide, _INT32(16)), _FLOAT)


def to_odd(builder: Any, value: Any) -> Any:
    """A float64 as the float32 that isn't larger in magnitude, with its last bit set if inexact.

    Rounding that to 16 bits is rounding the float64 once (Boldo and Melquiond, 2008).
    """
    near = builder.fptrunc(value, _FLOAT)
    back, bits = builder.fpext(near, _DOUBLE), builder.bitcast(near, _INT32)
    magnitude = ir.FunctionType(_DOUBLE, [_DOUBLE])
    fabs = cgutils.get_or_insert_function(builder.module, magnitude, "llvm.fabs.f64")
    pair = [builder.call(fabs, [one]) for one in (back, value)]
    is_larger = builder.zext(builder.fcmp_ordered(">", *pair), _INT32)
    is_inexact = builder.zext(builder.fcmp_ordered("!=", back, value), _INT32)
    return builder.bitcast(builder.or_(builder.sub(bits, is_larger), is_inexact), _FLOAT)


def encoded(builder: Any, storage: str, value: Any) -> Any:
    """A float32 rounded to nearest, ties to even, as an integer of the size of what is stored."""
    if storage == "float32":
        return builder.bitcast(value, _INT32)
    if storage == "float16":
        return builder.bitcast(builder.fptrunc(value, _HALF), _INT16)
    bits = builder.bitcast(value, _INT32)
    odd = builder.and_(builder.lshr(bits, _INT32(16)), _INT32(1))
    rounded = builder.add(bits, builder.add(odd, _INT32(_BELOW_HALF)))
    upper = builder.trunc(builder.lshr(rounded, _INT32(16)), _INT16)
    # The carry might make infinity of NaN.
    return builder.select(builder.fcmp_unordered("uno", value, value), _INT16(_NAN), upper)
