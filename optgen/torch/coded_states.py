"""States with codes: torch has their blocks as bytes, whose shape says which codes they are."""

from __future__ import annotations

from importlib import import_module
from math import prod
from typing import Any

import numpy as np
import torch

from optgen.runtime.codes import Code
from optgen.torch.block_layouts import FORMS, BlockLayout, kind_of, kind_of_bytes
from optgen.torch.distributed import is_shared, local

Tensor = torch.Tensor
_FLOAT32 = torch.float32
#: What to do with a state in other blocks than those of an optimizer.
REMEDY = "to convert it, save it inside of decoded(), which has numbers in place of codes"


def shown(blocks: Any, param: Any, code: Code) -> tuple[Any, Tensor]:
    """New blocks in memory that a tensor may show, and the tensor, spread as its parameter is."""
    layout, form = BlockLayout.of(param), FORMS[kind_of(code)]
    room = np.zeros(int(np.prod(layout.here)), code.dtype)
    room[: layout.used] = _on_host(blocks)
    return _kept(room, param, layout, form)


def _on_host(blocks: Any) -> Any:
    return blocks if isinstance(blocks, np.ndarray) else blocks.copy_to_host()


def _kept(room: Any, param: Any, layout: BlockLayout, form: tuple[int, ...]) -> tuple[Any, Tensor]:
    """Blocks where their parameter is, and the tensor that shows them."""
    own = local(param)
    if own.is_cuda:
        # An extra has it.
        arrays = import_module("optgen.runtime.cuda.arrays")
        held = arrays.on_device(room, own.device.index or 0)
        memory = torch.as_tensor(held.as_bytes(), device=own.device)
        blocks = held.first(layout.used)
    else:
        memory, blocks = torch.from_numpy(room.view(np.uint8)), room[: layout.used]
    return blocks, _spread(memory.view(*layout.here, *form), param, layout, form)


def _spread(memory: Tensor, param: Any, layout: BlockLayout, form: tuple[int, ...]) -> Tensor:
    if not is_shared(param):
        return memory
    shape = torch.Size((*layout.whole, *form))
    strides = torch.empty(shape, device="meta").stride()
    place = param.device_mesh, layout.placements
    found: Tensor = type(param.detach()).from_local(memory, *place, shape=shape, stride=strides)
    return found


def blocks_in(what: str, found: Any, param: Any, code: Code) -> tuple[Any, Tensor]:
    """The blocks of a state that has bytes, and the tensor that shows them: itself if it may.

    Raises ValueError for bytes of other codes, or of other blocks.
    """
    layout, kind = BlockLayout.of(param), kind_of(code)
    form = FORMS[kind]
    if is_shared(found) != is_shared(param):
        raise ValueError(f"{what} must be spread over processes just as the parameter is")
    whole = *layout.whole, *form
    # Of rows of blocks, another process may have been shown all.
    flat = layout.used, *form
    if tuple(found.shape) not in ((whole,) if is_shared(param) else (whole, flat)):
        raise ValueError(_misfit(what, found, kind, whole))
    is_placed = not is_shared(param) or tuple(found.placements) == layout.placements
    placed = found if is_placed else found.redistribute(param.device_mesh, layout.placements)
    own = local(placed)
    is_there = own.is_cpu and own.is_contiguous() and not found.requires_grad
    memory = own if is_there else own.cpu().contiguous().clone()
    room = memory.numpy().reshape(-1).view(code.dtype)
    if is_there and is_placed:
        return room[: layout.used], found
    return _kept(room, param, layout, form)


def _misfit(what: str, found: Tensor, kind: str, whole: tuple[int, ...]) -> str:
    theirs = kind_of_bytes(found)
    if theirs and theirs != kind:
        return (
            f"{what} has codes {theirs!r}, and is to have {kind!r}; choose that state_dtype, or, "
            + REMEDY
        )
    message = f"{what} has bytes of shape {tuple(found.shape)}, not {whole}"
    if not theirs:
        return message
    return f"{message}: its blocks end elsewhere, as parts of it did; {REMEDY}"


def encoded(found: Tensor, code: Code) -> tuple[Any, bool]:
    """The blocks of numbers in the order of their memory, and whether these were rounded.

    Numbers that were decoded have their own blocks again, if blocks end where they did.
    """
    own = local(found).cpu().to(_FLOAT32)
    order = sorted(range(own.ndim), key=lambda axis: -own.stride()[axis])
    flat = own.permute(order).reshape(-1).resolve_neg().numpy()
    blocks = code.encoded_again(flat)
    is_same = np.array_equal(code.decoded(blocks, flat.size), flat, equal_nan=True)
    return blocks, not is_same


def decoded(blocks: Any, variable: Any, code: Code) -> Any:
    """Numbers laid out like a variable."""
    strides = variable.stride() if isinstance(variable, Tensor) else variable.strides
    order = np.argsort([-stride for stride in strides], kind="stable")
    shape = [variable.shape[axis] for axis in order]
    flat = code.decoded(_on_host(blocks), prod(shape))
    return flat.reshape(shape).transpose(np.argsort(order))
