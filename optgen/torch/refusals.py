"""Parameters that no step can update."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from optgen.runtime.dtypes import NATIVE
from optgen.runtime.rule_metadata import Generated
from optgen.torch.dense_copies import HALVES
from optgen.torch.distributed import refuse_strided, refuse_unsummed

_DTYPES = (*(getattr(torch, one.name) for one in NATIVE), *HALVES)


def refuse_params(rule: type[Generated], owner: str, params: Mapping[str, torch.Tensor]) -> None:
    """Raise TypeError or ValueError for a parameter that can't be updated as it is."""
    for path, param in params.items():
        if param.dtype not in _DTYPES:
            raise TypeError(f"{owner}: parameter {path} is {param.dtype}; cast it to float32")
        refuse_unsummed(f"{owner}: parameter {path}", param)
        if rule.view or rule.has_draws():
            refuse_strided(f"{owner}: parameter {path}", param)
