"""States with codes: torch has their blocks as rows of bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from optgen.runtime.codes import BLOCK, Code

Tensor = torch.Tensor


def bytes_of(blocks: Any, device: torch.device) -> Tensor:
    """The tensor on the memory of blocks: a row of bytes for each."""
    if not isinstance(blocks, np.ndarray):
        return torch.as_tensor(blocks.as_bytes(), device=device)
    return torch.from_numpy(blocks.view(np.uint8).reshape(-1, blocks.dtype.itemsize))


def blocks_of(what: str, found: Tensor, param: Tensor, code: Code) -> tuple[Any, bool]:
    """The blocks of a state that was found, and whether they are in its memory.

    A state of numbers is encoded. Raises ValueError for rows of bytes that are none of this code.
    """
    if found.dtype is not torch.uint8:
        strides = param.stride()
        order = sorted(range(param.ndim), key=lambda axis: -strides[axis])
        flat = found.detach().cpu().float().permute(order).reshape(-1)
        return code.encoded(flat.resolve_neg().numpy()), False
    shape = -(-param.numel() // BLOCK), code.dtype.itemsize
    if tuple(found.shape) != shape:
        raise ValueError(f"{what} has bytes of shape {tuple(found.shape)}, not {shape}")
    is_there = found.is_cpu and found.is_contiguous() and not found.requires_grad
    own = found if is_there else found.detach().cpu().contiguous().clone()
    return own.numpy().reshape(-1).view(code.dtype), is_there
