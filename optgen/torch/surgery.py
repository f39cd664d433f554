"""Parameters that grow, shrink or begin anew in the middle of a run, with their states."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from typing import Any, ClassVar

import torch

from optgen.runtime.core import HasCore
from optgen.runtime.rule_metadata import Generated
from optgen.torch.cut_states import Cut, cut_states, kept_in_reset
from optgen.torch.parameters import Parameters
from optgen.torch.places import Place, place_of
from optgen.torch.rows import (
    Index,
    dimension_of,
    others,
    parameter_like,
    refuse_other_shape,
    rows_of,
)

Tensor = torch.Tensor


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
    def _build(self, *, tells_rounding: bool = True) -> Parameters:
        """The current parameters, registered anew."""

    def replace(self, old: Tensor | str, new: Tensor) -> Tensor:
        """Put ``new``, of the same shape, in the place of a parameter, with all its states.

        Returns ``new``. Raises TypeError or ValueError for what can't take the place.
        """
        with self._core.turn.lock:
            place = self._place(old)
            refuse_other_shape(place, new, place.param.shape)
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
            wanted, dim = [*place.param.shape], dimension_of(place, dim)
            count = wanted[dim]
            if isinstance(new, Tensor) and new.ndim == len(wanted):
                wanted[dim] = max(count, new.shape[dim])
            refuse_other_shape(place, new, wanted)
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
            dim = dimension_of(place, dim)
            rows, wanted = rows_of(place, keep, dim), [*place.param.shape]
            if new is None:
                new = parameter_like(place.param, place.param.detach().index_select(dim, rows))
            wanted[dim] = len(rows)
            refuse_other_shape(place, new, wanted)
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
                self._reset(place)
                return
            dim = dimension_of(place, dim)
            rows = others(place, rows_of(place, index, dim), dim)
            self._exchange(place, place.param, Cut(dim, rows, rows))

    def _reset(self, place: Place) -> None:
        self._check()
        made = self._current()
        if own := self.state.get(place.param):
            kept = kept_in_reset(own, made, place.index, self.rule.states)
            self._put(place, place.param, kept)

    def _check(self) -> None:
        self._core.refuse_inside("change its parameters")
        self._core.turn.refuse_averaged(self._core.owner, "changes no parameters")
        self._core.refuse_perturbed("change its parameters")

    def _place(self, which: Tensor | str) -> Place:
        return place_of(self._core.owner, which, self.param_groups)

    def _exchange(self, place: Place, new: Tensor, cut: Cut | None) -> Tensor:
        """Put a parameter in a place, with the states that are kept."""
        self._check()
        held = (param for group in self.param_groups for param in group["params"])
        if new is not place.param and any(new is param for param in held):
            raise ValueError(f"{place.what}: the new parameter is in the optimizer already")
        made, own = self._current(), self.state.get(place.param)
        if own and cut is not None:
            own = cut_states(place, new, own, cut, made, self.rule, self._core.settings)
        self._put(place, new, own)
        return new

    def _put(self, place: Place, new: Tensor, own: Any) -> None:
        """Register a parameter in a place with its states; nothing changes after an error."""
        params, old, before = place.group["params"], place.param, self.state.get(place.param)
        was_seen = bool(self._current().model.seen[place.index])
        try:
            self._set(params, place.number, old, new, own)
            # States with codes are cut as numbers, which are then rounded again.
            made = self._build(tells_rounding=False)
            made.model.seen[place.index] = was_seen
        except BaseException:
            self._set(params, place.number, new, old, before)
            raise

    def _set(self, params: list[Any], number: int, old: Tensor, new: Tensor, own: Any) -> None:
        self.state.pop(old, None)
        params[number] = new
        if own:
            self.state[new] = own
