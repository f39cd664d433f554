"""One run of an optimizer's code on recorded values, along one path through its conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from optgen.compiler.ir.problem import Location
from optgen.tracing.graph import Graph, Node, names_of
from optgen.tracing.places import frames, here
from optgen.tracing.scalars import Recorded, recorded
from optgen.tracing.unfollowed import UnfollowedError

#: More paths than this are the mark of a loop that a condition ends.
MOST_DECISIONS = 40


@dataclass(frozen=True)
class Decision:
    """A condition that the code met, and how it went on."""

    condition: Node
    outcome: bool
    place: Location = field(compare=False)


class Cell:
    """The value that a tensor, and all views of it, hold at the moment."""

    def __init__(self, node: Node | None, born: Node | None = None) -> None:
        self.node = node
        #: The value with which it was made.
        self.born = born or node


class Trace:
    """Records values in a graph and decides conditions.

    Those of hyperparameters alone, which ``fixed`` names, are decided by their values, or as
    ``overruled`` has it. Others make paths: the first ones go as ``forced`` has it.
    """

    def __init__(
        self,
        graph: Graph,
        fixed: frozenset[str],
        forced: tuple[bool, ...] = (),
        overruled: Mapping[Node, bool] | None = None,
    ) -> None:
        self.graph, self.fixed, self.forced = graph, fixed, forced
        self.overruled = dict(overruled or {})
        self.decisions: list[Decision] = []
        self.assumptions: dict[Node, Decision] = {}
        #: Numbers of which the trace lost sight, with the place.
        self.lost: dict[Node, tuple[str, Location]] = {}
        #: Where a value is rounded to fewer digits than float64 has.
        self.narrow: list[Location] = []
        #: Names of local variables, and places in the source.
        self.local_names: dict[Node, str] = {}
        self.places: dict[Node, Location] = {}
        self._decided: dict[Node, bool] = {}
        self._cells: dict[int, Cell] = {}
        # A tensor that is gone would leave its id to another one.
        self._kept: list[torch.Tensor] = []

    def restart(self, forced: tuple[bool, ...]) -> None:
        """Begin another path, with the tensors and numbers as they are."""
        self.forced = forced
        self.decisions.clear()
        self.assumptions.clear()
        self._decided.clear()

    def scalar(self, value: float | int, node: Node) -> float | int:
        """A number that records; a plain one where its value is a literal."""
        if isinstance(value, Recorded):
            value = value.plain
        if node.is_number and not isinstance(node.value, str):
            # The other value may be what a path makes that no run takes.
            return node.value
        self.place(node)
        made: float | int = recorded(value, node, self)
        return made

    def place(self, node: Node) -> None:
        """Remember where a value was first computed."""
        if node not in self.places and node.operands:
            self.places[node] = here()

    def node_of(self, value: Any) -> Node:
        """The node of a number or a tensor."""
        if isinstance(value, Recorded):
            return value.node
        if isinstance(value, torch.Tensor):
            return self.held(value)
        if isinstance(value, bool):
            zero = self.graph.number(0)
            return self.graph.apply("==" if value else "!=", zero, zero)
        return self.graph.number(value)

    def cell_of(self, tensor: torch.Tensor) -> Cell | None:
        """The cell of a tensor that the trace has seen."""
        return self._cells.get(id(tensor))

    def keep(self, tensor: torch.Tensor, cell: Cell) -> torch.Tensor:
        """Give a tensor its cell."""
        if id(tensor) not in self._cells:
            self._kept.append(tensor)
        self._cells[id(tensor)] = cell
        return tensor

    def held(self, tensor: torch.Tensor) -> Node:
        """The value of a tensor; one that was made outside must be a number."""
        cell = self.cell_of(tensor)
        if cell is None and tensor.numel() == 1:
            return self.graph.number(tensor.item())
        if cell is None:
            raise UnfollowedError("this tensor was made where the step isn't traced", here())
        if cell.node is None:
            raise UnfollowedError("memory is read before it is written", here())
        return cell.node

    def lose(self, node: Node, how: str) -> None:
        """Note that a number goes on as a plain one."""
        self.lost.setdefault(node, (how, here()))

    def decide(self, condition: Node, outcome: bool) -> bool:
        """Whether a condition holds on this path; ``outcome`` is how it is for the values."""
        if condition in self._decided:
            return self._decided[condition]
        names = names_of(condition)
        if not names:
            return outcome
        if names <= self.fixed:
            outcome = self.overruled.get(condition, outcome)
            self.assumptions[condition] = Decision(condition, outcome, here())
        else:
            if len(self.decisions) >= MOST_DECISIONS:
                raise UnfollowedError("the paths of this condition are too many", here())
            if len(self.decisions) < len(self.forced):
                outcome = self.forced[len(self.decisions)]
            self.decisions.append(Decision(condition, outcome, here()))
        self._decided[condition] = outcome
        return outcome

    def look_at_names(self) -> None:
        """Take the names of local variables for the values that they hold."""
        for frame, _ in zip(frames(), range(2), strict=False):
            for name, value in frame.f_locals.items():
                if isinstance(value, Recorded):
                    self.local_names.setdefault(value.node, name)
                elif isinstance(value, torch.Tensor):
                    cell = self.cell_of(value)
                    if cell is not None and cell.node is not None:
                        self.local_names.setdefault(cell.node, name)
