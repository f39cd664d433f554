"""The gradients of many tensors, looked at together: one by one it takes longer than the step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import torch

from optgen.runtime.arrays import Gradients
from optgen.runtime.cpu.headers import first_touching
from optgen.runtime.known import Known

Tensor = torch.Tensor
_nbytes, _is_cpu, _shape = attrgetter("nbytes"), attrgetter("is_cpu"), attrgetter("shape")


class Together:
    """Looks at gradients of plain tensors in the host's memory."""

    def __init__(self, tensors: Sequence[Tensor], written: Iterable[tuple[int, int]]) -> None:
        """``written`` are first and past-the-end byte of memory that others may not touch."""
        self._shapes = [tensor.shape for tensor in tensors]
        #: Of one number of elements, so many bytes are of one dtype among those of gradients.
        self._nbytes = [tensor.nbytes for tensor in tensors]
        self._sizes = np.array(self._nbytes, np.int64)
        accelerator = getattr(torch, "accelerator", None)
        self._may_be_elsewhere = accelerator is None or accelerator.is_available()
        spans = np.array(sorted(written), np.int64).reshape(-1, 2)
        self._starts, self._ends = spans[:, 0].copy(), spans[:, 1].copy()
        self._known: Known | None = None
        self._before = 0
        #: How often identities must come again before gradients are taken to be there to stay.
        self._patience = self._waited = 1

    @classmethod
    def of(cls, tensors: Sequence[Tensor], written: Iterable[tuple[int, int]]) -> Together | None:
        """None where tensors need a look at each."""
        fits = all(tensor.is_cpu and tensor.is_contiguous() for tensor in tensors)
        return cls(tensors, written) if fits else None

    def look(self, grads: list[Any], *, shaped: bool) -> Gradients | None:
        """The gradients of all tensors; None where one is missing, or needs a closer look.

        Those that are ``shaped`` are known to have the shapes of their tensors, as torch makes sure
        of what it sets itself.
        """
        try:
            addresses = np.fromiter(map(Tensor.data_ptr, grads), np.int64, len(grads))
        except (TypeError, RuntimeError):  # One is missing, or has no memory of this kind.
            return None
        known = self._known
        if known is None or not known.is_of(grads) or (addresses != known.addresses).any():
            if not self._fit(grads, addresses, shaped=shaped):
                return None
            self._remember(grads, addresses)
        return Gradients(grads, addresses)

    def _fit(self, grads: list[Tensor], addresses: Any, *, shaped: bool) -> bool:
        if not shaped and [*map(_shape, grads)] != self._shapes:
            return False
        if [*map(_nbytes, grads)] != self._nbytes or not all(map(Tensor.is_contiguous, grads)):
            return False
        # On the meta device there is no memory.
        if not (addresses.astype(np.bool_) | (self._sizes == 0)).all():
            return False
        if self._may_be_elsewhere and not all(map(_is_cpu, grads)):
            return False
        touching = first_touching(addresses, self._sizes, self._starts, self._ends)
        return touching == len(grads)

    def _remember(self, grads: list[Tensor], addresses: Any) -> None:
        """Refer to gradients weakly, once they seem to stay; new ones may be in the same places."""
        if self._known is not None:
            self._known, self._patience = None, 2 * self._patience
        now = hash(tuple(map(id, grads)))
        self._waited = self._waited - 1 if now == self._before else self._patience
        self._before = now
        if self._waited <= 0:
            self._known = Known(grads, addresses)
