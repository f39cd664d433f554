"""Incrementing of version counters, so that autograd detects overwritten tensors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch

from optgen.runtime.transaction import Call

_increment = torch._C._increment_version


def marking_changed(tensors: Sequence[torch.Tensor]) -> list[Call]:
    """The calls that increment the version counter of each tensor."""
    if _takes_several():
        return [(_increment, tensors)]
    return [(_increment, tensor) for tensor in tensors]


@cache
def _takes_several() -> bool:
    """Whether this version of torch increments many counters in one call."""
    try:
        _increment([torch.zeros(())])
    except (RuntimeError, TypeError):
        return False
    return True
