"""Parameters of half precision: kernels update float32 copies, which are rounded once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from optgen.runtime.memory import Mask

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

    @contextmanager
    def updating(self, chosen: Mask | None = None) -> Iterator[Callable[[], None]]:
        """Inside, copies may be changed; behind, parameters have changed with them.

        Those of ``chosen`` parameters, or all. Gives what makes them change already inside.
        """
        pairs = [(p, wide) for index, p, wide in self._pairs if chosen is None or chosen[index]]
        halves, copies = [half for half, _ in pairs], [wide for _, wide in pairs]
        _copy(copies, halves)
        try:
            yield lambda: _copy(halves, copies)
        finally:
            _copy(halves, copies)


def _copy(targets: list[Tensor], sources: list[Tensor]) -> None:
    """Give tensors the value of others, to the nearest, and of two to the even one."""
    if targets:
        torch._foreach_copy_(targets, sources)
