"""Functions that become part of the kernel that calls them."""

from __future__ import annotations

from typing import Any

from numba.core.compiler import Flags


def inlined(context: Any, builder: Any, function: Any, signature: Any, given: Any) -> Any:
    """The result of a function, which becomes part of the kernel.

    What it computes from constants is done once, and memory whose address the kernel gives to
    nobody can't be that of a buffer.
    """
    flags = Flags()
    flags.forceinline = True
    made = context.compile_subroutine(builder, function, signature, flags=flags)
    return context.call_internal(builder, made.fndesc, signature, given)
