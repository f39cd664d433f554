"""Products of matrices by torch, in the memory of the arrays.

In float32, NumPy's products take less time than torch's on the CPU, so that torch computes those in
bfloat16 only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from optgen.runtime.cpu.matrix_calls import NUMPY
from optgen.runtime.matrix_library import BFLOAT16, MatrixLibrary

Tensor = torch.Tensor

#: Multiplications of one product from which, on the CPU, matrices of a batch are faster one by one.
_ALONE = 256**3


def library_for(compute: str) -> MatrixLibrary:
    """The functions for arrays on the host, where ``compute`` is what a rule asks for."""
    return HALF if compute == BFLOAT16 and has_bfloat16() else NUMPY


def has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16; what imitates that is slower than float32."""
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    found = [getattr(torch.cpu, name, None) for name in names]
    return any(supported is not None and supported() for supported in found)


def in_bfloat16(left: Tensor, right: Tensor, out: Tensor) -> None:
    """A product of float32 in bfloat16, with sums in float32; others have their own precision."""
    if out.dtype is torch.float64:
        torch.matmul(left, right, out=out)
        return
    narrow = left.bfloat16()
    other = narrow.mT if _is_transpose(left, right) else right.bfloat16()
    for one, second, result in _parts(narrow, other, out):
        if result.dtype is torch.bfloat16:
            torch.matmul(one, second, out=result)
        else:
            result.copy_(torch.matmul(one, second))


def add_in_bfloat16(
    left: Tensor, right: Tensor, out: Tensor, added: Tensor, times: float, number: float
) -> None:
    """``times*(left @ right) + number*added``, in the same way."""
    if out.dtype is torch.float64:
        add(left, right, out, added, times, number)
        return
    narrow = left.bfloat16()
    other = narrow.mT if _is_transpose(left, right) else right.bfloat16()
    more = other if _is_same(right, added) else added.bfloat16()
    for one, second, third, result in _parts(narrow, other, more, out):
        sum_of = torch.addmm if one.ndim == 2 else torch.baddbmm
        if result.dtype is torch.bfloat16:
            sum_of(third, one, second, beta=number, alpha=times, out=result)
        else:
            result.copy_(sum_of(third, one, second, beta=number, alpha=times))


def add(
    left: Tensor, right: Tensor, out: Tensor, added: Tensor, times: float, number: float
) -> None:
    """``times*(left @ right) + number*added``."""
    one, other, result, more = (tensor.flatten(0, -3) for tensor in (left, right, out, added))
    torch.baddbmm(more, one, other, beta=number, alpha=times, out=result)


def inner(tensor: Tensor) -> Tensor:
    """What products alone read and write: float32 as bfloat16, in the first half of its memory."""
    if tensor.dtype is not torch.float32 or not tensor.is_contiguous():
        return tensor
    return tensor.view(-1).view(torch.bfloat16)[: tensor.numel()].view(tensor.shape)


def _parts(*batches: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The operands and the result of each call for a batch: all at once, or one by one.

    The result has consecutive elements in its rows; on the CPU, torch takes a hundred times as long
    to add products where it hasn't.
    """
    left, right, *others = (batch.flatten(0, -3) for batch in batches)
    if others[-1].stride(-1) != 1:
        left, right = right.mT, left.mT
        others = [other.mT for other in others]
    whole = [left, right, *others]
    work = left.shape[-2] * left.shape[-1] * right.shape[-1]
    if left.device.type == "cpu" and work >= _ALONE:
        yield from zip(*whole, strict=True)
    else:
        yield tuple(whole)


def _is_transpose(left: Tensor, right: Tensor) -> bool:
    return _is_same(left.mT, right)


def _is_same(one: Tensor, other: Tensor) -> bool:
    alike = one.shape == other.shape and one.stride() == other.stride()
    return alike and one.data_ptr() == other.data_ptr()


def _tensor(array: Any) -> Tensor:
    return array if isinstance(array, Tensor) else torch.from_numpy(array)


def _multiply(left: Any, right: Any, out: Any) -> None:
    in_bfloat16(*map(_tensor, (left, right, out)))


def _add(left: Any, right: Any, out: Any, added: Any, times: float, number: float) -> None:
    one, other, result, more = map(_tensor, (left, right, out, added))
    add_in_bfloat16(one, other, result, more, times, number)


def _inner(array: Any) -> Tensor:
    return inner(torch.from_numpy(array))


#: Decompositions are NumPy's, in float64.
HALF = replace(NUMPY, multiply=_multiply, add=_add, inner=_inner)
