"""Which storage a state of a variable gets, where its dtype is one that blocks have codes of."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

from optgen.runtime.caller import caller_level
from optgen.runtime.chunks import Segments
from optgen.runtime.codes import BLOCK, KINDS
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.view import View

#: Variables of fewer elements have states without codes: they take little memory.
SMALL = 4096


@dataclass(frozen=True)
class Layout:
    """Where the elements of a variable are, of which other processes may have some.

    ``size`` is the number of all elements, so that all processes choose the same storage.
    """

    size: int
    view: View | None = None
    segments: Segments | None = None
    is_irregular: bool = False
    is_owned: bool = False

    @property
    def obstacle(self) -> str:
        """Why what is here can't be divided into blocks; empty if it can."""
        if self.is_owned:
            return "one process computes whole matrices of them"
        if self.is_irregular:
            return "their parts are no stretches of dimensions"
        if self.segments is not None and not self.segments.has_blocks:
            return f"their parts have rows that aren't a multiple of {BLOCK} elements"
        if self.view is None:
            return ""
        if self.view.row_places is not None:
            return "rows of their matrices are in parts, or don't follow each other in memory"
        # Each block belongs to one row.
        is_odd = bool(self.view.columns % BLOCK)
        return f"their rows aren't a multiple of {BLOCK} elements" if is_odd else ""


@dataclass
class Uncoded:
    """The variables whose layout has no codes, by what is in the way."""

    _found: dict[tuple[str, str, str], dict[str, None]] = field(default_factory=dict)

    def add(self, path: str, asked: str, wide: str, obstacle: str) -> None:
        """Note a variable whose states are wide, and not as somebody asked for."""
        self._found.setdefault((asked, wide, obstacle), {})[path] = None

    def warn(self) -> None:
        """Warn once of all of them, if there are any."""
        reasons = [
            f"{_listed([*paths])} have {wide} states and not {asked}, since {obstacle}"
            for (asked, wide, obstacle), paths in self._found.items()
        ]
        if reasons:
            warnings.warn(f"state_dtype: {'; '.join(reasons)}", stacklevel=caller_level())


def _listed(paths: list[str]) -> str:
    others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{paths[0]!r}{others}"


def may_have_codes(asked: str, state: State, size: int) -> bool:
    """Whether a state of a variable of that size is to have codes, if its layout has.

    Sums of gradients, and what may replace a variable, have none.
    """
    # A mean in bfloat16 might stand still.
    return asked in KINDS and size >= SMALL and not (state.stands_in or state.gathers)


def storage_of_state(asked: str, wide: str, state: State, layout: Layout) -> str:
    """The dtype of a state of a variable, or the name of its code.

    ``asked`` is the dtype that users name, and ``wide`` the one that is computed in.
    """
    if asked not in KINDS:
        return asked
    if not may_have_codes(asked, state, layout.size) or layout.obstacle:
        return wide
    return KINDS[asked][state.is_nonnegative].name
