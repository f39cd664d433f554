"""How autograd learns that tensors were overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from torch.autograd.graph import increment_version


def mark_changed(tensors: Sequence[torch.Tensor]) -> None:
    """Count a change of each tensor."""
    if _takes_several():
        increment_version(tensors)
    else:
        for tensor in tensors:
            increment_version(tensor)


@cache
def _takes_several() -> bool:
    """Whether this torch counts for many tensors in one call, which is faster."""
    try:
        increment_version([torch.zeros(())])
    except (RuntimeError, TypeError):
        return False
    return True
