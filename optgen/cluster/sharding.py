"""How parameters are divided between processes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Any

import numpy as np

from optgen.compiler.ir.problem import UsageError
from optgen.runtime.ownership import stretch_of

#: A number for each process.
Counts = np.ndarray[Any, np.dtype[np.int64]]


class Kind(StrEnum):
    """The engine that divides parameters or states."""

    #: ``DistributedDataParallel``: each process has all.
    DDP = "ddp"
    #: ``ZeroRedundancyOptimizer``: each parameter has its states in one process.
    ZERO = "zero"
    #: ``fully_shard``: each process has a stretch of the first dimension of each parameter.
    FSDP = "fsdp"


@dataclass(frozen=True)
class Sharding:
    """So many processes, in ``copies`` sets that have the same parts: HSDP, if there are several.

    Raises UsageError where they don't divide evenly.
    """

    kind: Kind
    ranks: int
    copies: int = 1

    def __post_init__(self) -> None:
        if self.copies > 1 and self.kind is not Kind.FSDP:
            raise UsageError(f"--copies are sets of parts, and {self.kind} has no parts; take fsdp")
        if self.ranks % self.copies:
            raise UsageError(f"{self.ranks} processes aren't {self.copies} sets of equally many")

    @property
    def different(self) -> int:
        """The number of processes that have different parts; others do as one of these does."""
        return 1 if self.kind is Kind.DDP else self.ranks // self.copies

    def parts(self, shape: tuple[int, ...]) -> Counts:
        """The elements of a parameter that each of these processes has.

        Raises UsageError for a parameter without dimensions, which ``fully_shard`` refuses.
        """
        if self.kind is not Kind.FSDP:
            return np.full(self.different, prod(shape), np.int64)
        counts = (stretch_of(shape[0], self.different, rank)[1] for rank in range(self.different))
        return prod(shape[1:]) * np.fromiter(counts, np.int64, self.different)

    def described(self) -> str:
        """The sharding in words."""
        if self.copies > 1:
            return f"{self.kind}, {self.copies} sets of {self.different} processes"
        return f"{self.kind}, {self.ranks} processes"
