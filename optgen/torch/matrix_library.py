"""Products of matrices by torch, in the memory of the arrays.

In float32, NumPy's products take less time than torch's on the CPU, so that torch computes those in
bfloat16 only.
"""

from __future__ import annotations

from typing import Any

import torch

from optgen.runtime.cpu.matrix_calls import NUMPY
from optgen.runtime.matrix_library import BFLOAT16, MatrixLibrary

Tensor = torch.Tensor


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
    if out.dtype is not torch.float32:
        torch.matmul(left, right, out=out)
        return
    narrow = left.bfloat16()
    other = narrow.mT if _is_transpose(left, right) else right.bfloat16()
    if left.device.type != "cpu":
        out.copy_(torch.matmul(narrow, other))
        return
    # On the CPU, a batch takes up to twice as long as its matrices one by one.
    for one, second, result in zip(*(a.flatten(0, -3) for a in (narrow, other, out)), strict=True):
        result.copy_(torch.mm(one, second))


def _is_transpose(left: Tensor, right: Tensor) -> bool:
    same = left.data_ptr() == right.data_ptr() and left.mT.stride() == right.stride()
    return same and left.mT.shape == right.shape


def _multiply(left: Any, right: Any, out: Any) -> None:
    in_bfloat16(*map(torch.from_numpy, (left, right, out)))


#: Decompositions are NumPy's, in float64.
HALF = MatrixLibrary(_multiply, NUMPY.of_matrix)
