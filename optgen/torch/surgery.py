"""Parameters that grow, shrink or begin anew in the middle of a run, with their states."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from optgen.runtime.core import HasCore
from optgen.runtime.rule_metadata import Generated
from optgen.torch.cut_states import Cut, cut_states, kept_in_reset
from optgen.torch.distributed import is_shared
from optgen.torch.parameters import Parameters
from optgen.torch.places import Place, place_of

Tensor = torch.Tensor
#: Rows along a dimension: a mask, or their numbers.
Index = Tensor | Sequence[int] | Sequence[bool]


class Surgery(HasCore):
    """The part of an optimizer that replaces parameters, and keeps what fits of their states.

    Parameters are given as such or by name: one that ``named_parameters()`` gave, or the option
    ``"name"`` of a group of one parameter. Each method is atomic. The module that has a parameter
    is the caller's to change.
    """

    #: The optimizer for arrays whose rule this runs.
    rule: ClassVar[type[Generated]]
    param_groups: list[dict[str, Any]]
    state: defaultdict[Tensor, Any]

    @abstractmethod
    def _current(self) -> Parameters:
        """The current parameters."""

    @abstractmethod
    def _build(self) -> Parameters:
        """The current parameters, registered anew."""

    def replace(self, old: Tensor | str, new: Tensor) -> Tensor:
        """Put ``new``, of the same shape, in the place of a parameter, with all its states."""
        with self._core.turn.lock:
            place = self._place(old)
            if new.shape != place.param.shape:
                message = f"has shape {tuple(new.shape)}, the old {tuple(place.param.shape)}"
                raise ValueError(f"{place.what}: the new parameter {message}; use grow or prune")
            return self._exchange(place, new, None)

    def grow(self, old: Tensor | str, new: Tensor, dim: int = 0) -> Tensor:
        """Put ``new``, whose first rows are the old ones, in the place of a parameter.

        Rows are those along ``dim``. The states of old rows are kept, and those of new rows begin
        as states do. Numbers for the whole parameter, such as its age, are kept. Returns ``new``.
        Raises TypeError for what is no parameter, ValueError for shapes that don't fit, and for a
        state that can't be cut.
        """
        with self._core.turn.lock:
            place = self._place(old)
            before, dim = tuple(place.param.shape), _dimension(place, dim)
            after, count = tuple(new.shape), before[dim]
            if len(after) != len(before) or after != (
                *before[:dim],
                max(after[dim], count),
                *before[dim + 1 :],
            ):
                message = f"parameter of shape {after} has no first rows of shape {before}"
                raise ValueError(f"{place.what}: a {message} along dimension {dim}")
            rows = torch.arange(count, device=place.param.device)
            return self._exchange(place, new, Cut(dim, rows, rows))

    def prune(
        self, old: Tensor | str, keep: Index, dim: int = 0, new: Tensor | None = None
    ) -> Tensor:
        """Put a parameter that has some rows of the old one in its place, with their states.

        ``keep`` is a mask over the rows along ``dim``, or their numbers, in any order. Without
        ``new``, the parameter is made of the old one. Returns it. Raises what ``grow`` raises, and
        IndexError for rows that the parameter doesn't have.
        """
        with self._core.turn.lock:
            place = self._place(old)
            dim = _dimension(place, dim)
            rows = _rows(place, keep, dim)
            wanted = [*place.param.shape]
            wanted[dim] = len(rows)
            if new is None:
                new = _like(place.param, place.param.detach().index_select(dim, rows))
            if [*new.shape] != wanted:
                message = f"has shape {tuple(new.shape)}, what is kept {tuple(wanted)}"
                raise ValueError(f"{place.what}: the new parameter {message}")
            targets = torch.arange(len(rows), device=rows.device)
            return self._exchange(place, new, Cut(dim, rows, targets))

    def reset(self, which: Tensor | str, index: Index | None = None, dim: int = 0) -> None:
        """Let the states of a parameter begin anew: all of them, or those of some rows.

        ``index`` is a mask over the rows along ``dim``, or their numbers; the age of the parameter
        is kept then. What rounding has taken from the parameter is kept too. Raises what ``prune``
        raises.
        """
        with self._core.turn.lock:
            place = self._place(which)
            if index is None:
                self._check()
                made = self._current()
                own = self.state.get(place.param)
                if own:
                    kept = kept_in_reset(own, made, place.index, self.rule.states)
                    self._put(place, place.param, kept)
                return
            dim = _dimension(place, dim)
            rest = torch.ones(place.param.shape[dim], dtype=torch.bool, device=place.param.device)
            rest[_rows(place, index, dim)] = False
            rows = rest.nonzero().flatten()
            self._exchange(place, place.param, Cut(dim, rows, rows))

    def _check(self) -> None:
        self._core.refuse_inside("change its parameters")
        self._core.turn.refuse_averaged(self._core.owner, "changes no parameters")
        self._core.refuse_perturbed("change its parameters")

    def _place(self, which: Tensor | str) -> Place:
        return place_of(self._core.owner, which, self.param_groups)

    def _exchange(self, place: Place, new: Tensor, cut: Cut | None) -> Tensor:
        """Put a parameter in a place, with the states that are kept."""
        self._check()
        if not isinstance(new, Tensor) or not new.is_leaf:
            raise TypeError(
                f"{place.what}: the new parameter must be a leaf, torch.nn.Parameter(…)"
            )
        other = self.param_groups
        if new is not place.param and any(new is p for group in other for p in group["params"]):
            raise ValueError(f"{place.what}: the new parameter is in the optimizer already")
        made, own = self._current(), self.state.get(place.param)
        if own and cut is not None:
            if is_shared(place.param):
                message = (
                    "is spread over processes, and so are its states; reset it, and replace it"
                )
                raise ValueError(f"{place.what} {message} in param_groups")
            own = cut_states(place, new, own, cut, made, self.rule, self._core.settings)
        self._put(place, new, own)
        return new

    def _put(self, place: Place, new: Tensor, own: Any) -> None:
        """Register a parameter in a place with its states; nothing changes after an error."""
        params, old, before = place.group["params"], place.param, self.state.get(place.param)
        made = self._current()
        was_seen = bool(made.model.seen[place.index])
        try:
            self._set(params, place.number, old, new, own)
            self._build().model.seen[place.index] = was_seen
        except BaseException:
            self._set(params, place.number, new, old, before)
            raise

    def _set(self, params: list[Any], number: int, old: Tensor, new: Tensor, own: Any) -> None:
        self.state.pop(old, None)
        params[number] = new
        if own:
            self.state[new] = own


def _dimension(place: Place, dim: int) -> int:
    dims = place.param.ndim
    if not -dims <= dim < dims:
        raise IndexError(f"{place.what} has {dims} dimensions, and so none with the number {dim}")
    return dim % dims


def _rows(place: Place, index: Index, dim: int) -> Tensor:
    """The numbers of rows, from a mask or from numbers. Raises TypeError or IndexError."""
    given = torch.as_tensor(index, device=place.param.device).detach()
    count = place.param.shape[dim]
    if given.dtype is torch.bool:
        if tuple(given.shape) != (count,):
            message = f"has {count} rows along dimension {dim}, the mask shape {tuple(given.shape)}"
            raise IndexError(f"{place.what} {message}")
        return given.nonzero().flatten()
    if given.is_floating_point() or given.is_complex():
        if given.numel():
            raise TypeError(
                f"{place.what}: rows are chosen by a mask or numbers, not {given.dtype}"
            )
        given = given.long()
    rows = given.reshape(-1).long()
    if rows.numel() and not -count <= int(rows.min()) <= int(rows.max()) < count:
        raise IndexError(f"{place.what} has {count} rows along dimension {dim}, not all of {index}")
    return rows % count if count else rows


def _like(old: Tensor, values: Tensor) -> Tensor:
    """A parameter of the same kind with other values."""
    if isinstance(old, torch.nn.Parameter):
        return torch.nn.Parameter(values, requires_grad=old.requires_grad)
    return values.requires_grad_(old.requires_grad)
