"""Validation of many tensors' gradients at once; one by one it takes longer than the step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from optgen.runtime.arrays import Gradients
from optgen.runtime.cpu.headers import first_touching
from optgen.torch.addresses import PLAIN
from optgen.torch.handles import Forms, Handles, Host, asking
from optgen.torch.object_layout import Places

Tensor = torch.Tensor


class Together:
    """Validates plain host tensors and their gradients in bulk."""

    def __init__(
        self,
        tensors: Sequence[Tensor],
        written: Iterable[tuple[int, int]],
        places: Places,
        handles: Handles,
    ) -> None:
        """``written`` are address ranges that gradients may not overlap."""
        self._tensors, self._places, self._handles = list(tensors), places, handles
        self._own, self._forms = places.of(tensors), Forms(tensors, places)
        self._sizes = np.array([tensor.nbytes for tensor in tensors], np.int64)
        self._single = [index for index, tensor in enumerate(tensors) if tensor.numel() == 1]
        spans = np.array(sorted(written), np.int64).reshape(-1, 2)
        self._starts, self._ends = spans[:, 0].copy(), spans[:, 1].copy()

    @classmethod
    def of(cls, tensors: Sequence[Tensor], written: Iterable[tuple[int, int]]) -> Together | None:
        """None if tensors must be validated one by one."""
        found = asking()
        fits = all(type(one) in PLAIN and one.is_cpu and one.is_contiguous() for one in tensors)
        return cls(tensors, written, *found) if found and fits else None

    def gradients(self) -> Gradients | None:
        """The gradients of all tensors; None if one is missing, or needs validation by itself.

        Those that an optimizer holds are replaced by nobody while it makes its step.
        """
        handles = self._places.of_gradients(self._own)
        return self._found(lambda index: self._tensors[index].grad, handles)

    def look(self, grads: list[Any]) -> Gradients | None:
        """Gradients that are given as such, in the same way."""
        handles = self._places.of_items(grads)
        if handles is None or len(grads) != len(self._tensors):
            return None
        return self._found(grads.__getitem__, handles)

    def _found(self, grad: Callable[[int], Any], handles: Host) -> Gradients | None:
        addresses = self._handles.addresses(handles, self._forms)
        # What is negative only by a mark has gaps between its elements, if there are several.
        if addresses is None or any(grad(index).is_neg() for index in self._single):
            return None
        touching = first_touching(addresses, self._sizes, self._starts, self._ends)
        return Gradients(grad, addresses) if touching == len(addresses) else None
