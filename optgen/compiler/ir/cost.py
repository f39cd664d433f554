"""The cost of a step per element of a parameter."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.formats import state_format
from optgen.compiler.ir.rule import GRAD, PARAM
from optgen.compiler.ir.storage import WIDTH, Stored

#: The rank of an example.
EXAMPLE_RANK = 128
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
    #: What it visits: the elements, or those of squares.
    over: Extent = Extent.ELEMENT

    @property
    def arrays(self) -> int:
        """The number of arrays that are read or written."""
        return len(self.loads) + len(self.stores)


@dataclass(frozen=True)
class Amount:
    """A number times sides of a matrix: its rows, its columns, the fewer or more, or the rank."""

    factor: Fraction
    sides: tuple[str, ...]

    def at(self, rows: int, columns: int) -> float:
        """The amount for a matrix of so many rows and columns, and with the rank of an example."""
        fewer, more = sorted((rows, columns))
        known = {"rows": rows, "columns": columns, "fewer": fewer, "more": more}
        known["rank"] = min(EXAMPLE_RANK, fewer)
        return float(self.factor) * prod(known[side] for side in self.sides)

    def __str__(self) -> str:
        powers = Counter(self.sides).items()
        shown = [side if power == 1 else f"{side}**{power}" for side, power in powers]
        return "*".join([*([] if self.factor == 1 else [str(self.factor)]), *shown])


@dataclass(frozen=True)
class Call:
    """A function of whole matrices, which a library computes, so many times in a step."""

    function: str
    operations: Amount
    #: The matrices that are read and written.
    matrices: tuple[Amount, ...]
    times: int

    def operations_at(self, rows: int, columns: int) -> float:
        """The operations of all calls for matrices of one size."""
        return self.times * self.operations.at(rows, columns)

    def bytes_at(self, rows: int, columns: int) -> float:
        """The bytes that all calls read and write at least."""
        return self.times * WIDTH * sum(one.at(rows, columns) for one in self.matrices)


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
    #: The functions of whole matrices between the passes, and the sizes of scratch matrices with
    #: how many of each are needed at the same time.
    calls: tuple[Call, ...] = ()
    scratch: tuple[tuple[Amount, int], ...] = ()
    #: The states that have no codes in any storage.
    uncoded: frozenset[str] = frozenset()

    def scratch_bytes(self, rows: int, columns: int) -> float:
        """Bytes of the scratch matrices of a variable of one matrix."""
        return WIDTH * sum(count * one.at(rows, columns) for one, count in self.scratch)

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
        """Bytes read and written, without those of squares."""
        return WIDTH * sum(one.arrays for one in self.stages if one.over is Extent.ELEMENT)

    def state_bytes_in(self, stored: Stored) -> float:
        """Bytes of states of the parameter's shape, in a storage."""
        return float(sum(self._widths(stored).values()) + stored.extra_width)

    def moved_bytes_in(self, stored: Stored) -> float:
        """Bytes read and written in a storage, without those of squares."""
        widths = self._widths(stored) | {
            PARAM: stored.param.width + stored.extra_width,
            GRAD: stored.grad.width,
        }
        return float(
            sum(
                widths.get(buffer, Fraction(WIDTH))
                for one in self.stages
                if one.over is Extent.ELEMENT
                for buffer in (*one.loads, *one.stores)
            )
        )

    def _widths(self, stored: Stored) -> dict[str, Fraction]:
        """Bytes of each state for an element."""
        return {
            name: state_format(stored.states, is_coded=name not in self.uncoded).width
            for name in self.states
        }

    def floor(self, parameters: int, bandwidth: float) -> float:
        """The lower bound in seconds of a step, for a memory bandwidth in bytes per second."""
        return self.moved_bytes * parameters / bandwidth
