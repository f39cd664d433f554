"""Dense copies of parameters with gaps between their elements, such as slices of larger tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided

from optgen.runtime.arrays import fills
from optgen.runtime.memory import Mask
from optgen.runtime.transaction import Call

Tensor = torch.Tensor
#: Integer dtypes by size, as which NumPy reads torch's dtypes.
_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
#: The limit of a search for a common element of two tensors with gaps.
_SEARCH = 100_000


def packed(tensor: Tensor) -> Tensor:
    """A contiguous tensor that kernels can update: itself where it is such, else a copy."""
    is_dense = not tensor.numel() or fills(tensor.shape, tensor.stride(), 1)
    return tensor if is_dense else torch.empty_like(tensor).copy_(tensor)


class Copies:
    """Parameters, of which some have a copy that kernels update."""

    def __init__(self, params: Sequence[Tensor]) -> None:
        #: What kernels update: the copies, and the other parameters themselves.
        self.dense = [packed(param) for param in params]
        pairs = enumerate(zip(params, self.dense, strict=True))
        self._pairs = [(index, p, copy) for index, (p, copy) in pairs if p is not copy]

    def __bool__(self) -> bool:
        return bool(self._pairs)

    def filled(self, chosen: Mask) -> list[Call]:
        """Update the copies of chosen parameters; returns the calls that write them back."""
        pairs = [(param, copy) for index, param, copy in self._pairs if chosen[index]]
        params, copies = [param for param, _ in pairs], [copy for _, copy in pairs]
        _copy(copies, params)
        return [(torch._foreach_copy_, params, copies)] if pairs else []


def _copy(targets: list[Tensor], sources: list[Tensor]) -> None:
    """Assign tensors."""
    if targets:
        torch._foreach_copy_(targets, sources)


def refuse_shared(named: Mapping[str, Tensor]) -> None:
    """Raise ValueError if parameters, or elements of one, overlap.

    Kernels would update each copy of it, and keep one of the updates.
    """
    on_host = {path: tensor for path, tensor in named.items() if tensor.is_cpu and tensor.numel()}
    for path, tensor in on_host.items():
        if not _are_apart(tensor):
            raise ValueError(f"elements of parameter {path} share memory; update a copy of it")
    ordered = sorted(on_host.items(), key=lambda item: item[1].data_ptr())
    starts = np.array([tensor.data_ptr() for _, tensor in ordered], np.int64)
    ends = np.sort([tensor.data_ptr() + _extent(tensor) for _, tensor in ordered])
    # Stretches are apart where each begins behind the end of as many as begin before it.
    if (starts[1:] >= ends[:-1]).all():
        return
    for index, (path, tensor) in enumerate(ordered):
        for other_path, other in ordered[index + 1 :]:
            if other.data_ptr() >= tensor.data_ptr() + _extent(tensor):
                break
            if _share(tensor, other):
                raise ValueError(f"parameters {path} and {other_path} share memory")


def _extent(tensor: Tensor) -> int:
    """Bytes from the first element to behind the last."""
    return _reach(tensor) * tensor.element_size()


def _reach(tensor: Tensor) -> int:
    """Elements from the first to the last, with those between that aren't the tensor's own."""
    pairs = zip(tensor.shape, tensor.stride(), strict=True)
    return 1 + sum((size - 1) * stride for size, stride in pairs)


def _are_apart(tensor: Tensor) -> bool:
    """Whether each element has memory of its own.

    It has where each axis steps over all that the axes with smaller steps reach. Otherwise the
    elements are marked in an array of flags, and counted.
    """
    reached = 0
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1:
            if stride <= reached:
                break
            reached += stride * (size - 1)
    else:
        return True
    count, reach = tensor.numel(), _reach(tensor)
    if count > reach:
        return False
    marks = np.zeros(reach, np.bool_)
    as_strided(marks, tensor.shape, tensor.stride())[...] = True
    return int(np.count_nonzero(marks)) == count


def _share(one: Tensor, other: Tensor) -> bool:
    first, second = (t.view(_INTEGERS[t.element_size()]).numpy() for t in (one, other))
    try:
        return bool(np.shares_memory(first, second, max_work=_SEARCH))  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True
