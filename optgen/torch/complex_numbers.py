"""Complex tensors as real ones: the real and imaginary parts are elements of their own.

So torch's classes update them. Kernels know real numbers only, and users see complex ones.
"""

from __future__ import annotations

import torch

Tensor = torch.Tensor
#: The complex dtypes whose parts kernels can update.
COMPLEX = (torch.complex64, torch.complex128)


def as_real(tensor: Tensor) -> Tensor:
    """The parts of complex numbers, along a last dimension of 2, in the same memory.

    A real tensor is itself. What is the conjugate of its memory by a mark only is copied.
    """
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def as_numbers_of(param: Tensor, parts: Tensor) -> Tensor:
    """What users see of parts in the order of those of a parameter: complex where it is.

    Raises ValueError where torch has no complex numbers of such parts.
    """
    if not param.is_complex():
        return parts
    if parts.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"a state of a {param.dtype} parameter is to be stored as {parts.dtype}, which torch "
            "has no complex numbers of; choose float32 or float64"
        )
    return torch.view_as_complex(parts)


def refuse_complex(name: str, owner: str, param: Tensor, *, has_view: bool) -> None:
    """Raise TypeError or ValueError for a complex parameter that can't be updated as parts."""
    if not param.is_complex():
        return
    if has_view:
        raise TypeError(
            f"{owner} does not support complex parameters, as it treats matrices as such, and "
            f"{name} is {param.dtype}; give it torch.view_as_real of it"
        )
    if hasattr(param, "to_local"):
        raise TypeError(f"{owner}: {name} is a DTensor of {param.dtype}; use one of real numbers")
    if param.is_conj():
        raise ValueError(f"{owner}: {name} is a conjugate by a mark only; call resolve_conj()")
