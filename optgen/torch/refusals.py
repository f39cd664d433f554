"""Parameters that no step can update."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from optgen.runtime.dtypes import DTYPES
from optgen.runtime.rule_metadata import Generated
from optgen.torch.complex_numbers import COMPLEX, refuse_complex
from optgen.torch.distributed import refuse_strided, refuse_unsummed

_DTYPES = tuple(getattr(torch, dtype.name) for dtype in DTYPES)


def refuse_params(
    rule: type[Generated], owner: str, params: Mapping[str, torch.Tensor], *, is_drawn: bool
) -> None:
    """Raise TypeError or ValueError for a parameter that can't be updated as it is.

    Where rounding ``is_drawn``, the place of each element counts.
    """
    for path, param in params.items():
        refuse_complex(f"parameter {path}", owner, param, has_view=bool(rule.view))
        if param.dtype not in (*_DTYPES, *COMPLEX):
            raise TypeError(f"{owner}: parameter {path} is {param.dtype}; cast it to float32")
        refuse_unsummed(f"{owner}: parameter {path}", param)
        if rule.view or rule.has_draws() or is_drawn:
            refuse_strided(f"{owner}: parameter {path}", param)


def refuse_without_memory(named: Mapping[str, torch.Tensor]) -> None:
    """Raise RuntimeError for a parameter that has a shape only."""
    for path, tensor in named.items():
        if tensor.is_meta:
            raise RuntimeError(
                f"parameter {path} is on the device meta, without memory: `fused=True` requires "
                "all the params to be floating point Tensors of another device; call to_empty, and "
                "put the parameters that it makes in the place of these"
            )
