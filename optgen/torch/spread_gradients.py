"""Gradients of DTensors in bulk, which engines give the same placements step by step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import torch

from optgen.runtime.arrays import Gradients
from optgen.runtime.cpu.headers import first_touching
from optgen.torch.distributed import local
from optgen.torch.handles import Forms, Handles, asking
from optgen.torch.object_layout import Places
from optgen.torch.spread_layout import Inside, spec_of

Tensor = torch.Tensor
_gradient = attrgetter("grad")


class SpreadTogether:
    """Validates the gradients of host tensors of which some are DTensors."""

    def __init__(
        self,
        params: Sequence[Any],
        written: Iterable[tuple[int, int]],
        inside: Inside,
        places: Places,
        handles: Handles,
    ) -> None:
        """``written`` are address ranges that gradients may not overlap."""
        self._params, self._inside, self._handles = list(params), inside, handles
        parts = [local(param) for param in params]
        self._forms = Forms(parts, places)
        self._sizes = np.array([part.nbytes for part in parts], np.int64)
        self._single = [index for index, part in enumerate(parts) if part.numel() == 1]
        spans = np.array(sorted(written), np.int64).reshape(-1, 2)
        self._starts, self._ends = spans[:, 0].copy(), spans[:, 1].copy()
        #: The placements of gradients that were seen to be those of their parameters.
        self._specs: list[Any] = []
        self._known = np.zeros(0, np.int64)

    @classmethod
    def of(cls, params: Sequence[Any], written: Iterable[tuple[int, int]]) -> SpreadTogether | None:
        """None if gradients must be validated one by one."""
        found = asking()
        if not found or not all(_fits(local(param)) for param in params):
            return None
        inside = Inside.of(params, found[0])
        return None if inside is None else cls(params, written, inside, *found)

    def gradients(self) -> Gradients | None:
        """The gradients of all; None if one is missing, or needs validation by itself."""
        if len(self._known) != len(self._params):
            return None
        handles = self._inside.handles_of_gradients(self._known)
        if handles is None:
            return None
        addresses = self._handles.addresses(handles, self._forms)
        if addresses is None or any(self._part(index).is_neg() for index in self._single):
            return None
        touching = first_touching(addresses, self._sizes, self._starts, self._ends)
        if touching < len(addresses):
            return None
        return Gradients(self._part, addresses)

    def _part(self, index: int) -> Tensor:
        return local(self._params[index].grad)

    def note(self) -> None:
        """Keep the placements of gradients that were validated one by one.

        The gradients of the next step are likely to have the same ones.
        """
        grads = [*map(_gradient, self._params)]
        if all(map(_is_placed_alike, grads, self._params)):
            self._specs = [*map(spec_of, grads)]
            self._known = np.array([0 if one is None else id(one) for one in self._specs], np.int64)


def _fits(part: Tensor) -> bool:
    return part.is_cpu and part.is_contiguous()


def _is_placed_alike(grad: Any, param: Any) -> bool:
    one, other = spec_of(grad), spec_of(param)
    if one is None or other is None:
        return grad is not None and one is other
    return bool(one.placements == other.placements and one.mesh == other.mesh)
