"""States with codes: torch has their blocks as rows of bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from optgen.runtime.codes import BLOCK, Code
from optgen.torch.gradients import seen

Tensor = torch.Tensor


def bytes_of(blocks: Any) -> Tensor:
    """The tensor on the memory of blocks: a row of bytes for each."""
    return torch.from_numpy(blocks.view(np.uint8).reshape(-1, blocks.dtype.itemsize))


def blocks_of(what: str, found: Tensor, param: Tensor, code: Code) -> tuple[Any, bool]:
    """The blocks of a state that was found, and whether they are in its memory.

    A state of numbers is encoded. Raises ValueError for rows of bytes that are none of this code.
    """
    if found.dtype is not torch.uint8:
        flat = found.detach().cpu().float().permute(_order(param)).reshape(-1)
        return code.encoded(seen(flat)), False
    shape = -(-param.numel() // BLOCK), code.dtype.itemsize
    if tuple(found.shape) != shape:
        raise ValueError(f"{what} has bytes of shape {tuple(found.shape)}, not {shape}")
    is_there = found.is_cpu and found.is_contiguous() and not found.requires_grad
    own = found if is_there else found.detach().cpu().contiguous().clone()
    return own.numpy().reshape(-1).view(code.dtype), is_there


def numbers_of(blocks: Any, param: Tensor, code: Code) -> Tensor:
    """The numbers of a state that has codes, in the shape of its parameter."""
    order = _order(param)
    flat = torch.from_numpy(code.decoded(blocks, param.numel()))
    places = sorted(range(param.ndim), key=order.__getitem__)
    return flat.reshape([param.shape[axis] for axis in order]).permute(places)


def _order(param: Tensor) -> list[int]:
    """The axes of a parameter in the order of its memory, the fastest last."""
    strides = param.stride()
    return sorted(range(param.ndim), key=lambda axis: -strides[axis])
