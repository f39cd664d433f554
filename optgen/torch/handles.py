"""Bulk access to tensors by torch's C interface.

Reading an attribute of a tensor takes 0.1 us in Python, and a step reads several of thousands of
tensors. Compiled code reads them by torch's C interface (``aoti_torch/c/shim.h``) in 10 ns. A
handle of that interface is the address of a reference to a tensor.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from optgen.runtime.cpu.jit import looking
from optgen.runtime.cpu.pointers import number_at, view
from optgen.torch.object_layout import Places, places

Host = np.ndarray[Any, np.dtype[np.int64]]
int32, int64 = np.int32, np.int64
_QUESTIONS = ("layout", "device_type", "dtype", "dim", "sizes", "strides", "data_ptr")
_LAYOUT, _DEVICE, _DTYPE, _DIM, _SIZES, _STRIDES, _DATA = range(len(_QUESTIONS))
_BYTE = ir.IntType(8).as_pointer()


@intrinsic
def _ask(context: Any, function: Any, handle: Any, answer: Any) -> Any:
    """Call a function of torch's C interface, which writes its result to an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [_BYTE, _BYTE]).as_pointer()
        addresses = [builder.inttoptr(argument, _BYTE) for argument in arguments[1:]]
        return builder.call(builder.inttoptr(arguments[0], kind), addresses)

    return types.int32(types.int64, types.int64, types.int64), generate


@looking
def first_unlike(
    handles: Host, ask: Host, missing: int, forms: Host, shapes: Host, answer: int, addresses: Host
) -> int:
    """The first tensor that isn't dense with the form that it should have, or their number.

    A row of ``forms`` has layout, device, dtype, number of dimensions, and where in ``shapes`` the
    lengths of these begin. The addresses of elements before the first such tensor are written.
    """
    for k in range(handles.size):
        handle = handles[k]
        if handle == 0 or number_at(handle, int64) == missing:
            return k
        for question in (_LAYOUT, _DEVICE, _DTYPE):
            _ask(ask[question], handle, answer)
            if number_at(answer, int32) != forms[k, question]:
                return k
        _ask(ask[_DIM], handle, answer)
        dimensions = number_at(answer, int64)
        if dimensions != forms[k, _DIM]:
            return k
        _ask(ask[_SIZES], handle, answer)
        sizes = view(number_at(answer, int64), dimensions, int64)
        _ask(ask[_STRIDES], handle, answer)
        strides = view(number_at(answer, int64), dimensions, int64)
        expected, gaps = 1, False
        for axis in range(dimensions - 1, -1, -1):
            if sizes[axis] != shapes[forms[k, _SIZES] + axis]:
                return k
            gaps |= sizes[axis] > 1 and strides[axis] != expected
            expected *= sizes[axis]
        if expected and (gaps or _ask(ask[_DATA], handle, answer)):
            return k
        addresses[k] = number_at(answer, int64) if expected else 0
    return handles.size


@looking
def first_moved(handles: Host, ask: Host, answer: int, addresses: Host) -> int:
    """The first tensor whose address has changed, or their number."""
    for k in range(handles.size):
        if _ask(ask[_DATA], handles[k], answer) or number_at(answer, int64) != addresses[k]:
            return k
    return handles.size


class Forms:
    """The layout of dense host tensors, in the terms of torch's C interface."""

    def __init__(self, tensors: Sequence[torch.Tensor], places: Places) -> None:
        """``places`` say where the tensors are, which are such."""
        samples = {tensor.dtype: tensor for tensor in tensors}
        said = {
            dtype: [_said(name, places.of([sample])) for name in _QUESTIONS[:_DIM]]
            for dtype, sample in samples.items()
        }
        begins = np.cumsum([0, *(tensor.dim() for tensor in tensors)]).tolist()
        rows = [(*said[t.dtype], t.dim(), b) for t, b in zip(tensors, begins, strict=False)]
        self.each = np.array(rows, int64).reshape(-1, _SIZES + 1)
        self.shapes = np.array([n for tensor in tensors for n in tensor.shape], int64)


class Handles:
    """Reads tensors by the addresses of references to them."""

    def __init__(self, ask: Host, missing: int) -> None:
        """``ask`` are the addresses of functions; ``missing`` is the reference to no tensor."""
        self._ask, self._missing, self._answer = ask, missing, np.zeros(1, int64)

    def have_moved(self, handles: Host, addresses: Host) -> bool:
        """Whether the address of any tensor has changed."""
        found = first_moved(handles, self._ask, self._answer.ctypes.data, addresses)
        return found < handles.size

    def addresses(self, handles: Host, forms: Forms) -> Host | None:
        """The addresses of tensors; None if one is missing or has another layout."""
        found, answer = np.zeros(handles.size, int64), self._answer.ctypes.data
        asked = self._ask, self._missing, forms.each, forms.shapes, answer, found
        return found if first_unlike(handles, *asked) == handles.size else None


@cache
def asking() -> tuple[Places, Handles] | None:
    """The offsets of references and their reader; None if only Python can read tensors."""
    known = places()
    if known is None:
        return None
    try:
        ask = [ctypes.cast(_function(name), ctypes.c_void_p).value for name in _QUESTIONS]
    except (AttributeError, OSError):  # This torch has no such interface.
        return None
    return known, Handles(np.array(ask, int64), known.missing)


def _said(question: str, handle: Host) -> int:
    answer = ctypes.c_int32()
    _function(question)(ctypes.c_void_p(int(handle[0])), ctypes.byref(answer))
    return answer.value


def _function(question: str) -> Any:
    return getattr(_library(), f"aoti_torch_get_{question}")


@cache
def _library() -> ctypes.CDLL:
    if sys.platform == "win32":
        return ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "torch_cpu.dll"))
    # Symbols of what this one needs are found by it.
    return ctypes.CDLL(torch._C.__file__)
