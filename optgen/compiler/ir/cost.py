"""The cost of a step per element of a parameter."""

from __future__ import annotations

from dataclasses import dataclass

from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.storage import WIDTH

#: Bytes of a number of a tensor, a row or a column, which is a float64.
NUMBER_WIDTH = 8


@dataclass(frozen=True)
class Pass:
    """One pass over the elements: the arrays that it reads and writes.

    It makes the ``reductions``, and ``needs`` those of earlier passes.
    """

    loads: tuple[str, ...]
    stores: tuple[str, ...]
    reductions: tuple[str, ...]
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Cost:
    """The cost of one setting of an optimizer, per float32 parameter and updating step."""

    setting: str
    #: Arrays of the parameter's shape that persist between steps.
    states: tuple[str, ...]
    #: States that are numbers, or vectors of rows or columns.
    shaped: tuple[tuple[str, Extent], ...]
    stages: tuple[Pass, ...]
    #: Floating-point operations; a root or a quotient counts as one.
    operations: int
    #: Whether it is a setting of the optimizer's own update, without features.
    is_own: bool = False

    @property
    def passes(self) -> int:
        """The number of passes over the elements."""
        return len(self.stages)

    @property
    def state_bytes(self) -> int:
        """Bytes of states of the parameter's shape."""
        return WIDTH * len(self.states)

    @property
    def moved_bytes(self) -> int:
        """Bytes read and written."""
        return WIDTH * sum(len(one.loads) + len(one.stores) for one in self.stages)

    def floor(self, parameters: int, bandwidth: float) -> float:
        """The lower bound in seconds of a step, for a memory bandwidth in bytes per second."""
        return self.moved_bytes * parameters / bandwidth
