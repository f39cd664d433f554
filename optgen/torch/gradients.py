"""Gradients of parameters: read in bulk if possible, and one by one otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from ml_dtypes import bfloat16

from optgen.runtime.arrays import Gradient, spans_of
from optgen.runtime.model import Model
from optgen.torch.batched_gradients import Together
from optgen.torch.dense_copies import Copies
from optgen.torch.distributed import is_shared, local, placed_like
from optgen.torch.owners import Owned
from optgen.torch.spread_gradients import SpreadTogether

Tensor = torch.Tensor


class HeldGradients:
    """Reads the gradients of the parameters of a model."""

    def __init__(
        self, model: Model, params: Sequence[Tensor], copies: Copies, owned: Owned
    ) -> None:
        self._owned = owned
        self._model, self._params = model, params
        is_single = any(one.is_cuda or one.is_complex() for one in params)
        is_dense = not (is_single or copies or owned.divided)
        is_plain = is_dense and not any(map(is_shared, params))
        written = [span[:2] for span in spans_of(model.written())] if is_dense else []
        self.together = Together.of(params, written) if is_plain else None
        self._spread = SpreadTogether.of(params, written) if is_dense and not is_plain else None

    def read(self) -> Sequence[Gradient | None]:
        """The validated gradients of all parameters; None for a missing one.

        Raises TypeError or ValueError for one that doesn't fit.
        """
        bulk = self.together or self._spread
        found = None if bulk is None else bulk.gradients()
        if found is None:
            every = self._model.checked(gradients_of(self._params, self._owned))
            if self._spread is not None:
                self._spread.note()
            return every
        return found

    def one(self, index: int) -> Gradient:
        """The validated gradient of one parameter, which has one. Raises as ``read`` does."""
        (found,) = gradients_of([self._params[index]], Owned((), {}))
        checked: Gradient = self._model.check_gradient(index, found)
        return checked


def seen(tensor: Tensor) -> Any:
    """A NumPy array on the memory of a tensor, for kernels."""
    if tensor.is_cuda:
        return tensor
    plain = tensor.resolve_neg()
    if plain.dtype is torch.bfloat16:
        return plain.view(torch.int16).numpy().view(bfloat16)
    return plain.numpy()


def tensor_on(array: Any, device: torch.device | None = None) -> Tensor:
    """The tensor on the memory of an array, by default where the array is."""
    if getattr(array, "dtype", None) == bfloat16:
        return torch.as_tensor(array.view(np.int16), device=device).view(torch.bfloat16)
    return torch.as_tensor(array, device=device)


def gradients_of(params: Sequence[Tensor], owned: Owned) -> list[Any]:
    """The gradients of parameters as kernels read them; None for one that is missing.

    A sparse one is the dense one that it stands for. Raises TypeError for one of another dtype
    than its parameter.
    """
    found: list[Tensor | None] = []
    for param in params:
        gradient = param.grad
        if gradient is None:
            found.append(None)
            continue
        if gradient.layout is not torch.strided:
            gradient = gradient.to_dense()
        if gradient.dtype != param.dtype:
            raise TypeError(f"a gradient is {gradient.dtype}, its parameter {param.dtype}")
        found.append(local(placed_like(gradient, param)))
    return as_read(found, owned)


def as_read(found: Sequence[Tensor | None], owned: Owned) -> list[Any]:
    """What is here of gradients, or of other tensors like parameters, as kernels read it."""
    return [None if one is None else seen(one) for one in owned.gathered(found)]
