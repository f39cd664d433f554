"""Which storage a state of a variable gets, where its dtype is one that blocks have codes of."""

from __future__ import annotations

from optgen.runtime.chunks import Segments
from optgen.runtime.codes import BLOCK, KINDS
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.view import View

#: Variables of fewer elements have states without codes: they take little memory.
SMALL = 4096


def storage_of_state(
    asked: str, wide: str, state: State, size: int, view: View | None, segments: Segments | None
) -> str:
    """The dtype of a state of a variable, or the name of its code.

    ``asked`` is the dtype that users name, and ``wide`` the one that is computed in. Sums of
    gradients, and what may replace a variable, have no codes.
    """
    if asked not in KINDS:
        return asked
    # A mean in bfloat16 might stand still.
    if size < SMALL or state.stands_in or state.gathers or not _has_blocks(view, segments):
        return wide
    return KINDS[asked][state.is_nonnegative].name


def _has_blocks(view: View | None, segments: Segments | None) -> bool:
    """Whether each block belongs to one row of a matrix, and to one stretch of elements."""
    if segments is not None:
        return False
    return view is None or (view.row_places is None and view.columns % BLOCK == 0)
