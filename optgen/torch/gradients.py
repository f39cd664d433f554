"""The gradients of parameters, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from optgen.torch.dense_copies import widened
from optgen.torch.distributed import local, placed_like

Tensor = torch.Tensor


def seen(tensor: Tensor) -> Any:
    """A tensor as what kernels are pointed at: an array of NumPy's, in the same memory."""
    return tensor if tensor.is_cuda else tensor.resolve_neg().numpy()


def gradients_of(params: Sequence[Tensor]) -> list[Any]:
    """The gradients of parameters; None for one that is missing.

    Raises TypeError for a sparse one, and for one of another dtype than its parameter.
    """
    found: list[Any] = []
    for param in params:
        gradient = param.grad
        if gradient is not None and gradient.layout is not torch.strided:
            raise TypeError("gradients must be dense; make them so, or use a sparse optimizer")
        if gradient is None:
            found.append(None)
            continue
        if gradient.dtype != param.dtype:
            raise TypeError(f"a gradient is {gradient.dtype}, its parameter {param.dtype}")
        found.append(seen(widened(local(placed_like(gradient, param)))))
    return found
