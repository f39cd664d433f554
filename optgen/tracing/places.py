"""Places in the traced source: where a value was computed, and what the source calls values."""

from __future__ import annotations

import contextlib
import inspect
import linecache
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType

import torch

from optgen.compiler.ir.problem import Location

_OWN = str(Path(__file__).parent)
#: The module that calls the traced source: frames behind it are of others.
_RUNS = str(Path(__file__).with_name("runs.py"))
_TORCH = str(Path(torch.__file__).parent)
#: The part of torch whose source is an optimizer's.
_OPTIMIZERS = str(Path(torch.__file__).parent / "optim")
_PLUMBING = tuple(map(str, (contextlib.__file__, Path(_OPTIMIZERS) / "optimizer.py")))


def frames() -> Iterator[FrameType]:
    """The frames of the traced source, innermost first."""
    frame = inspect.currentframe()
    while frame is not None:
        file = frame.f_code.co_filename
        if file == _RUNS:
            return
        inside_torch = file.startswith(_TORCH) and not file.startswith(_OPTIMIZERS)
        if not (file.startswith((_OWN, "<")) or inside_torch or file in _PLUMBING):
            yield frame
        frame = frame.f_back


def here() -> Location:
    """The expression that runs now."""
    for frame in frames():
        return location(frame.f_code, frame.f_lasti, frame.f_lineno)
    return Location("", 0)


def location(code: CodeType, instruction: int, line: int) -> Location:
    """The place of an instruction; the whole line where columns are unknown."""
    text = linecache.getline(code.co_filename, line).rstrip("\n")
    found = next(islice(code.co_positions(), max(instruction, 0) // 2, None), None)
    first, last, start, end = found or (None, None, None, None)
    if first != line or start is None or end is None:
        indent = len(text) - len(text.lstrip())
        return Location(code.co_filename, line, indent + 1, text, max(len(text) - indent, 1))
    # Columns count bytes.
    column = len(text.encode()[:start].decode(errors="replace"))
    stop = len(text.encode()[:end].decode(errors="replace")) if last == line else len(text)
    return Location(code.co_filename, line, column + 1, text, max(stop - column, 1))
