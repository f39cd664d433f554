"""The plan of a step on many processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optgen.cluster.exchanges import Exchange, buffer_bytes, exchanges
from optgen.cluster.launches import Counted
from optgen.cluster.memory import Workspace, gathered_bytes, state_bytes, width_of
from optgen.cluster.parameters import Parameters
from optgen.cluster.placement import Chosen, Placed, placed
from optgen.cluster.sharding import Counts, Sharding
from optgen.compiler.ir.problem import UsageError
from optgen.runtime.kernels import MATRIX
from optgen.runtime.optimizer import Optimizer


@dataclass(frozen=True)
class Share:
    """What one process has, does and exchanges; all but counts are bytes.

    ``owned`` are copies of whole parameters that it updates for others, ``scratch`` is memory that
    it keeps for steps, and ``step`` what a step needs besides.
    ``moved`` are those that passes read and write, without what functions of matrices do.
    """

    rank: int
    parameters: int
    gradients: int
    states: int
    owned: int
    scratch: int
    step: int
    moved: int
    sent: int
    received: int
    kernels: int
    calls: int

    @property
    def kept(self) -> int:
        """What is there between steps, with gradients."""
        return self.parameters + self.gradients + self.states + self.owned + self.scratch

    @property
    def peak(self) -> int:
        """The most during a step."""
        return self.kept + self.step


@dataclass(frozen=True)
class ClusterPlan:
    """The plan; processes that do the same as others aren't repeated in ``shares``."""

    parameters: Parameters
    sharding: Sharding
    shares: tuple[Share, ...]
    exchanges: tuple[Exchange, ...]

    @property
    def total_states(self) -> int:
        """The bytes of all states in all processes."""
        copies = self.sharding.ranks // self.sharding.different
        return copies * sum(share.states for share in self.shares)


def plan(
    optimizer: Optimizer,
    parameters: Parameters,
    sharding: Sharding,
    dtype: str = "float32",
    step: int = 2,
    moved: Callable[[Mapping[str, bool]], float] = lambda on: 0,
) -> ClusterPlan:
    """The plan of a step of ``optgen.torch``'s class of an optimizer, with gradients of all.

    ``optimizer`` has the options, and parameters have the ``dtype``. Where a rule does more in some
    steps, the number of the ``step`` counts. It isn't built, and nothing
    is allocated. ``moved`` are the bytes that a step moves for an element of parameters with some
    switches. Raises UsageError without parameters, and ValueError where blocks of matrices
    don't fit.
    """
    if not parameters.tensors:
        raise UsageError("there are no parameters to plan for")
    chosen = Chosen(optimizer, dtype, step)
    every = placed(chosen, parameters, sharding)
    made = exchanges(chosen, every, sharding)
    workspace, launches = Workspace(chosen, every), Counted(chosen, every)
    held = width_of(dtype) * sum((one.held for one in every), np.zeros_like(every[0].held))
    owned = gathered_bytes(chosen, every)
    columns = {
        "parameters": held,
        "gradients": held,
        "states": state_bytes(chosen, every),
        "owned": owned,
        "scratch": workspace.nbytes,
        "step": owned + buffer_bytes(chosen, every),
        "moved": _moved(every, moved),
        "sent": _sum([one.sent for one in made], held),
        "received": _sum([one.received for one in made], held),
    }
    shares = []
    for rank in range(sharding.different):
        own = {name: int(column[rank]) for name, column in columns.items()}
        found = launches.of(rank, workspace.batches[rank])
        shares.append(Share(rank, **own, kernels=found.kernels, calls=found.calls))
    return ClusterPlan(parameters, sharding, tuple(shares), tuple(made))


def _sum(columns: Sequence[Counts], like: Counts) -> Counts:
    return sum(columns, np.zeros_like(like))


def _moved(every: Sequence[Placed], per_element: Callable[[Mapping[str, bool]], float]) -> Counts:
    """The bytes that passes read and write in each process."""
    widths = {one.on[MATRIX]: per_element(one.on) for one in every}
    found = np.zeros(len(every[0].held))
    for one in every:
        found += widths[one.on[MATRIX]] * one.updated
    return found.astype(np.int64)
