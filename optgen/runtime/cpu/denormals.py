"""Flushing of denormals to zero inside kernels.

Arithmetic on denormals (below 1.2e-38 in float32), which decaying averages and squares of small
gradients reach, is a hundred times slower. Kernels flush them to zero and restore the thread's mode
at the end.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_MACHINE = platform.machine().lower()
_INT32, _INT64 = ir.IntType(32), ir.IntType(64)
#: The bits that say so: of results and of operands, which on Arm is one.
_X86, _ARM = 0x8040, 1 << 24


@intrinsic
def flush_denormals(context: Any) -> Any:
    """From here on denormal numbers are zero; returns the mode that was before."""
    return types.int64(), _flush


@intrinsic
def restore(context: Any, mode: Any) -> Any:
    """Go back to a mode."""
    return types.void(types.int64), _restore


def _flush(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    before = _read(builder)
    bits = _X86 if _is_x86() else _ARM
    _write(builder, builder.or_(before, ir.Constant(_INT64, bits)))
    return before


def _restore(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    _write(builder, arguments[0])
    return context.get_dummy_value()


def can_flush() -> bool:
    """Whether kernels flush denormals on this kind of processor; on others they keep them."""
    return _is_x86() or _is_arm()


def _is_x86() -> bool:
    return _MACHINE in ("x86_64", "amd64")


def _is_arm() -> bool:
    return _MACHINE in ("aarch64", "arm64")


def _read(builder: Any) -> Any:
    if _is_x86():
        place = cgutils.alloca_once(builder, _INT32)
        _call(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), _as_bytes(builder, place))
        return builder.zext(builder.load(place), _INT64)
    if _is_arm():
        return _call(builder, "llvm.aarch64.get.fpcr", _INT64)
    return ir.Constant(_INT64, 0)


def _write(builder: Any, mode: Any) -> None:
    if _is_x86():
        place = cgutils.alloca_once(builder, _INT32)
        builder.store(builder.trunc(mode, _INT32), place)
        _call(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), _as_bytes(builder, place))
    elif _is_arm():
        _call(builder, "llvm.aarch64.set.fpcr", ir.VoidType(), mode)


def _as_bytes(builder: Any, place: Any) -> Any:
    return builder.bitcast(place, ir.IntType(8).as_pointer())


def _call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    kinds = [argument.type for argument in arguments]
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, kinds), name)
    return builder.call(function, arguments)
