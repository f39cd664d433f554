"""Ctrl-C wherever Python may notice it."""

from __future__ import annotations

import dis
import gc
import sys
from collections.abc import Callable
from functools import cache
from types import CodeType, FrameType
from typing import Any

#: The instructions after which Python runs the handlers of signals; it does at calls too.
_NOTICING = ("CALL", "JUMP_BACKWARD")


@cache
def _noticing(code: CodeType) -> frozenset[int]:
    """Where in some code Python runs the handlers of signals."""
    found = dis.get_instructions(code)
    return frozenset(i.offset for i in found if i.opname.startswith(_NOTICING))


def is_interrupted(function: Callable[[], object], place: int) -> bool:
    """Call a function with a KeyboardInterrupt at one of its places; false if it has fewer."""
    return places(function, place) > place


def places(function: Callable[[], object], end: int = sys.maxsize) -> int:
    """Call a function; returns how many places it came by, of which the ``end`` interrupts it."""
    seen = 0
    before: dict[FrameType, int] = {}

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal seen
        frame.f_trace_opcodes = True
        last = before.get(frame, -1)
        if event == "call" or (event == "opcode" and last in _noticing(frame.f_code)):
            seen += 1
            if seen > end:
                raise KeyboardInterrupt
        if event == "opcode":
            before[frame] = frame.f_lasti
        return trace

    former, hook = sys.gettrace(), sys.unraisablehook
    # A collection runs Python functions of other packages, at another place each time.
    collects = gc.isenabled()
    gc.disable()
    # What comes while a generator is thrown away is lost, in Python as here.
    sys.unraisablehook = lambda _: None
    sys.settrace(trace)
    try:
        function()
    except BaseException:
        # Others may make something else of a KeyboardInterrupt.
        if seen <= end:
            raise
    finally:
        sys.settrace(former)
        if collects:
            gc.enable()
        sys.unraisablehook = hook
        before.clear()
    return seen
