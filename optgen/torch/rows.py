"""Rows of a parameter along one of its dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from optgen.torch.distributed import is_shared
from optgen.torch.places import Place

Tensor = torch.Tensor
#: Rows along a dimension: a mask, or their numbers.
Index = Tensor | Sequence[int] | Sequence[bool]


def dimension_of(place: Place, dim: int) -> int:
    """The number of a dimension from 0 on.

    Raises IndexError where there is none, and ValueError for a parameter whose rows are in several
    processes.
    """
    dims = place.param.ndim
    if not -dims <= dim < dims:
        raise IndexError(f"{place.what} has {dims} dimensions, and so none with the number {dim}")
    if is_shared(place.param):
        message = "is spread over processes, and so are its states; reset all of these, and put"
        raise ValueError(f"{place.what} {message} the new parameter into param_groups")
    return dim % dims


def rows_of(place: Place, index: Index, dim: int) -> Tensor:
    """The numbers of rows, from a mask or from numbers.

    Raises TypeError for other values, and IndexError for rows that the parameter doesn't have.
    """
    given = torch.as_tensor(index, device=place.param.device).detach()
    count = place.param.shape[dim]
    if given.dtype is torch.bool:
        if tuple(given.shape) != (count,):
            message = f"has {count} rows along dimension {dim}, the mask shape {tuple(given.shape)}"
            raise IndexError(f"{place.what} {message}")
        return given.nonzero().flatten()
    # An empty list is one of floats.
    if given.numel() and (given.is_floating_point() or given.is_complex()):
        raise TypeError(f"{place.what}: rows are chosen by a mask or numbers, not {given.dtype}")
    rows = given.reshape(-1).long()
    if rows.numel() and not -count <= int(rows.min()) <= int(rows.max()) < count:
        raise IndexError(f"{place.what} has {count} rows along dimension {dim}, not all of {index}")
    return rows % count if count else rows


def others(place: Place, rows: Tensor, dim: int) -> Tensor:
    """The numbers of the rows that aren't among some."""
    rest = torch.ones(place.param.shape[dim], dtype=torch.bool, device=place.param.device)
    rest[rows] = False
    return rest.nonzero().flatten()


def refuse_other_shape(place: Place, new: Tensor, wanted: Sequence[int]) -> None:
    """Raise TypeError or ValueError for what is no parameter of a shape."""
    if not isinstance(new, Tensor) or not new.is_leaf:
        raise TypeError(f"{place.what}: the new parameter must be a leaf, torch.nn.Parameter(…)")
    if tuple(new.shape) != tuple(wanted):
        message = f"has shape {tuple(new.shape)}, and {tuple(wanted)} would fit the old one"
        raise ValueError(f"{place.what}: the new parameter {message}")


def parameter_like(old: Tensor, values: Tensor) -> Tensor:
    """A parameter of the same kind with other values."""
    if isinstance(old, torch.nn.Parameter):
        return torch.nn.Parameter(values, requires_grad=old.requires_grad)
    return values.requires_grad_(old.requires_grad)
