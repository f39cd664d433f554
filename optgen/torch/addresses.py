"""Addresses of tensors, for change detection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from optgen.torch.distributed import local
from optgen.torch.handles import asking
from optgen.torch.object_layout import Host
from optgen.torch.spread_layout import Inside

Tensor = torch.Tensor
#: Types whose objects own a tensor.
PLAIN = (Tensor, torch.nn.Parameter)


class Positions:
    """Addresses of tensors, whose memory may be replaced while the objects stay."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self._tensors = list(tensors)
        self._addresses = np.array(self._found(), np.int64)
        found = asking()
        self._handles = found[1] if found else None
        self._references: Host | None = None
        self._inside: Inside | None = None
        if found and all(type(tensor) in PLAIN for tensor in tensors):
            self._references = found[0].of(tensors)
        elif found:
            self._inside = Inside.of(tensors, found[0])
            self._references = None if self._inside is None else self._inside.references

    @property
    def are_current(self) -> bool:
        """Whether all addresses are unchanged."""
        if self._inside is not None and not self._inside.are_current:
            return False
        if self._handles is not None and self._references is not None:
            return not self._handles.have_moved(self._references, self._addresses)
        return self._found() == [*self._addresses]

    def _found(self) -> list[int]:
        return [local(tensor).data_ptr() for tensor in self._tensors]
