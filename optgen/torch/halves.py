"""Parameters of half precision: kernels update float32 copies, which are rounded once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from optgen.runtime.memory import Mask
from optgen.runtime.whole import Call

Tensor = torch.Tensor
HALVES = (torch.float16, torch.bfloat16)


def widened(tensor: Tensor) -> Tensor:
    """A float32 copy of a tensor of half precision; any other itself."""
    return tensor.float() if tensor.dtype in HALVES else tensor


class Halves:
    """Parameters, of which those of half precision have a float32 copy."""

    def __init__(self, params: Sequence[Tensor]) -> None:
        #: What kernels update: the copies, and the other parameters themselves.
        self.wide = [widened(param) for param in params]
        pairs = enumerate(zip(params, self.wide, strict=True))
        self._pairs = [(index, p, wide) for index, (p, wide) in pairs if p is not wide]

    def __bool__(self) -> bool:
        return bool(self._pairs)

    def widened(self, chosen: Mask) -> list[Call]:
        """Give copies of chosen parameters their value; returns the call for the other way."""
        pairs = [(p, wide) for index, p, wide in self._pairs if chosen[index]]
        halves, copies = [half for half, _ in pairs], [wide for _, wide in pairs]
        _copy(copies, halves)
        return [(torch._foreach_copy_, halves, copies)] if pairs else []

    @contextmanager
    def updating(self) -> Iterator[Callable[[], None]]:
        """Inside, copies may be changed; behind, parameters have changed with them.

        Gives what makes them change already inside.
        """
        halves, copies = [half for _, half, _ in self._pairs], [wide for *_, wide in self._pairs]
        _copy(copies, halves)
        try:
            yield lambda: _copy(halves, copies)
        finally:
            _copy(halves, copies)


def _copy(targets: list[Tensor], sources: list[Tensor]) -> None:
    """Give tensors the value of others, to the nearest, and of two to the even one."""
    if targets:
        torch._foreach_copy_(targets, sources)
