"""How blocks with codes are a tensor: its shape, and its placements over processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch

from optgen.runtime.codes import BLOCK, KINDS, Code
from optgen.torch.distributed import is_shared, largest_part, local, spread_dimensions

Tensor = torch.Tensor
_BYTES = {kind: codes[0].dtype.itemsize for kind, codes in KINDS.items()}
#: The shape of the bytes of a block by kind of code, which says what codes they are.
FORMS: Mapping[str, tuple[int, ...]] = {
    "int8": (_BYTES["int8"],),
    "float8": (2, _BYTES["float8"] // 2),
    "int4": (_BYTES["int4"],),
}


def kind_of(code: Code) -> str:
    """The name that users have for codes with and without a sign."""
    return next(kind for kind, codes in KINDS.items() if code in codes)


def kind_of_bytes(tensor: Tensor) -> str:
    """The kind of codes that a tensor of bytes is of; empty if it is none."""
    shape = tuple(tensor.shape)
    found = (kind for kind, form in FORMS.items() if shape[-len(form) :] == form)
    return next(found, "")


@dataclass(frozen=True)
class BlockLayout:
    """How many blocks each dimension has: in all processes, and in this one.

    A parameter whose rows are whole blocks has as many rows of blocks: they are divided as it is,
    for any number of processes. Otherwise each process has blocks of its own, as many as the
    largest part needs.
    """

    whole: tuple[int, ...]
    here: tuple[int, ...]
    #: The blocks that are used of those here.
    used: int
    placements: tuple[Any, ...] = ()

    @classmethod
    def of(cls, param: Any) -> BlockLayout:
        """The layout of the blocks of a parameter."""
        own = local(param)
        used = -(-own.numel() // BLOCK)
        spread = spread_dimensions(param)
        placements = tuple(param.placements) if is_shared(param) else ()
        if _has_rows_of_blocks(param, own):
            count = prod(param.shape[1:]) // BLOCK
            return cls((param.shape[0], count), (own.shape[0], count), used, placements)
        if not spread:
            return cls((used,), (used,), used, placements)
        most = -(-largest_part(param) // BLOCK)
        sizes = [param.device_mesh.size(dimension) for dimension in spread]
        divided = tuple(
            type(one)(spread.index(dimension)) if dimension in spread else one
            for dimension, one in enumerate(placements)
        )
        return cls((*sizes, most), (*([1] * len(sizes)), most), used, divided)


def _has_rows_of_blocks(param: Any, own: Tensor) -> bool:
    """Whether memory has rows of whole blocks, which only the first dimension divides."""
    if param.ndim < 2 or not prod(param.shape[1:]) or prod(param.shape[1:]) % BLOCK:
        return False
    spread = spread_dimensions(param)
    is_by_rows = not spread or (len(spread) == 1 and param.placements[spread[0]].dim == 0)
    return is_by_rows and _is_in_order(param) and _is_in_order(own)


def _is_in_order(tensor: Any) -> bool:
    """Whether memory has the elements in the order of dimensions, maybe with gaps."""
    pairs = zip(tensor.shape, tensor.stride(), strict=True)
    strides = [stride for size, stride in pairs if size > 1]
    return strides == sorted(strides, reverse=True)
