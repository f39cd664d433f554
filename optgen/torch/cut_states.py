"""States of the rows of a parameter that are kept, beside those of rows that begin anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch

from optgen.runtime.allocation import ELEMENT, initial_value
from optgen.runtime.codes import CODES, storage_of
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.kernels import OPTIMIZER
from optgen.runtime.matrix_calls import is_matrix
from optgen.runtime.remainders import REMAINDER
from optgen.runtime.rule_metadata import Generated
from optgen.runtime.view import axes_of
from optgen.torch.coded_states import decoded
from optgen.torch.parameters import Parameters
from optgen.torch.places import Place
from optgen.torch.states import AGE

Tensor = torch.Tensor


@dataclass(frozen=True)
class Cut:
    """The rows along a dimension that are kept, and where they are in the new parameter."""

    dim: int
    sources: Tensor
    targets: Tensor

    def placed(self, old: Tensor, new: Tensor, dim: int) -> Tensor:
        """The rows of ``old`` in their places in ``new``, which is changed."""
        return new.index_copy_(dim, self.targets, old.index_select(dim, self.sources))


def cut_states(
    place: Place,
    new: Tensor,
    own: Mapping[str, Any],
    cut: Cut,
    made: Parameters,
    rule: type[Generated],
    settings: Settings,
) -> dict[str, Any]:
    """The states of a parameter that takes the place of another.

    Entries that are no states of the rule are kept as they are. Raises ValueError for a state that
    can't be cut.
    """
    declared = {state.name: state for state in rule.states}
    row, age = made.model.rows[place.index], float(made.ages.shown[place.index])
    found: dict[str, Any] = dict(own)
    if AGE in own:
        found[AGE] = age
    for name, value in made.own[place.index].items():
        state = declared.get(name, State(name))
        if name == AGE or state.shape in (OPTIMIZER, "tensor"):
            continue
        is_late = state.stands_in and age > 0
        first = None if is_late else initial_value(state, settings, row)
        if state.shape == ELEMENT:
            old = _numbers(value, name, place, made)
            found[name] = cut.placed(old, _begun(old, new, first), cut.dim)
        else:
            assert first is not None
            found[name] = _cut_extent(place, new, value, state, first, cut, rule.view, made)
    return found


def kept_in_reset(
    own: Mapping[str, Any], made: Parameters, index: int, declared: Sequence[State]
) -> dict[str, Any]:
    """What stays where all states of a parameter begin anew.

    That is what isn't its own: numbers that all parameters share, what rounding has taken from the
    parameter itself, and entries that are no states of the rule.
    """
    shared = {state.name for state in declared if state.shape == OPTIMIZER}
    reset = {*made.own[index]} - shared - {REMAINDER}
    kept = {name: value for name, value in own.items() if name not in reset}
    return {**kept, AGE: 0.0} if kept else {}


def _numbers(value: Tensor, name: str, place: Place, made: Parameters) -> Tensor:
    """A state with a number for each element as such, where it has codes."""
    if value.dtype is not torch.uint8:
        return value.detach()
    blocks: Any = made.model.states[name][place.index]
    code = CODES[storage_of(blocks.dtype)]
    return torch.from_numpy(decoded(blocks, place.param, code)).to(value.device)


def _begun(old: Tensor, new: Tensor, first: float | None) -> Tensor:
    """A state of a new parameter at its beginning, laid out like it."""
    begun = torch.empty_like(new.detach(), dtype=old.dtype)
    return begun.copy_(new.detach()) if first is None else begun.fill_(first)


def _cut_extent(
    place: Place,
    new: Tensor,
    value: Tensor,
    state: State,
    first: float,
    cut: Cut,
    view: str,
    made: Parameters,
) -> Tensor:
    """A vector with kept entries, or another state whose entries the cut doesn't concern."""
    matrices, shape = made.model.views[place.index], tuple(place.param.shape)
    if matrices is None:
        return value
    axes = batch, rows, columns = axes_of(view, shape)
    is_plain = axes == axes_of(view, tuple(new.shape)) and matrices.matrices == prod(
        shape[axis] for axis in batch
    )
    if is_matrix(state.shape):
        sides = _sides(state.shape, rows, columns, matrices.rows <= matrices.columns)
        # A side that a rank bounds may change with the others.
        if is_plain and sides is not None and cut.dim not in (*batch, *sides):
            return value
        raise _refusal(place, state)
    own = {"rows": [*batch, *rows], "columns": [*batch, *columns], "matrix": batch}[state.shape]
    if not is_plain:
        raise _refusal(place, state)
    if cut.dim not in own:
        return value
    old = value.detach().reshape([shape[axis] for axis in own])
    begun = old.new_full([new.shape[axis] for axis in own], first)
    return cut.placed(old, begun, own.index(cut.dim)).reshape(-1)


def _sides(shape: str, rows: list[int], columns: list[int], is_tall: bool) -> list[int] | None:
    """The axes of the sides of a square; None where these aren't those of the parameter."""
    short, long = (rows, columns) if is_tall else (columns, rows)
    known = {"rows": rows, "columns": columns, "short": short, "long": long}
    sides = shape.split("_by_")
    if not {*sides} <= {*known}:
        return None
    return [axis for side in sides for axis in known[side]]


def _refusal(place: Place, state: State) -> ValueError:
    kind = state.shape.replace("_", " ")
    return ValueError(
        f"{place.what}: its state {state.name} ({kind}) mixes the rows that would be cut; call "
        f"reset({place.name!r}) first, so that all its states begin anew"
    )
