"""What storage costs and what it changes, for one optimizer: a table and remarks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from optgen.analysis.explain import costs, whole_cost
from optgen.analysis.measure.storage import InStorage, in_storages
from optgen.compiler.ir.accuracy import in_percent, two_digits
from optgen.compiler.ir.cost import Cost
from optgen.compiler.ir.formats import FLOATS
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.rule import LEARNING_RATE
from optgen.compiler.ir.storage import USUAL, Stored

#: The headings of the table, and what they mean.
HEADINGS = (
    *("storage", "state B", "moved B", "all B", "error", "found", "update", "stops at"),
    "stands still",
)
_NOTES = (
    "B for each parameter: of states, moved by a plain step, and by one with every feature",
    "error: how far gradients and states as stored put a step off at most, of its terms' "
    "magnitudes; found: the most in runs, with all numbers within the range of their formats",
    "update: the size relative to a parameter up to which rounding loses every update",
)


@dataclass(frozen=True)
class StorageRow:
    """An optimizer in one storage."""

    found: InStorage
    plain: Cost
    whole: Cost
    #: The default learning rate.
    rate: float | None

    @property
    def stored(self) -> Stored:
        """The storage."""
        return self.found.stored

    @property
    def lost(self) -> float:
        """The size relative to a parameter up to which each update is lost."""
        is_drawn = self.stored.draws(self.stored.param)
        return 0.0 if is_drawn else float(self.found.lost[0])

    @property
    def reach(self) -> float | None:
        """The magnitude of parameters above which updates of the learning rate's size are lost."""
        return self.rate / self.lost if self.rate is not None and self.lost else None

    def cells(self) -> list[str]:
        """The cells of the row."""
        bound, found = self.found.bound, self.found.found
        standing = [one.mean.state for one in self.found.own if one.stands]
        return [
            str(self.stored),
            _number(self.plain.state_bytes_in(self.stored)),
            _number(self.plain.moved_bytes_in(self.stored)),
            _number(self.whole.moved_bytes_in(self.stored)),
            "no bound" if bound is None or bound.error is None else in_percent(float(bound.error)),
            "" if found is None else in_percent(found.error),
            f"2**{math.frexp(self.lost)[1] - 1}" if self.lost else "none",
            "" if self.reach is None else two_digits(self.reach),
            ", ".join(standing),
        ]


@dataclass(frozen=True)
class StorageReport:
    """An optimizer in several storages."""

    rows: tuple[StorageRow, ...]

    def remarks(self) -> Iterator[str]:
        """What the numbers mean, and what becomes of means and invariants."""
        yield from _NOTES
        rate = self.rows[0].rate
        if rate is not None:
            yield (
                f"stops at: updates of {rate:g}, the {LEARNING_RATE}, are lost in all parameters "
                "above that"
            )
        yield from dict.fromkeys(line for row in self.rows for line in _of_states(row.found))


def _of_states(found: InStorage) -> Iterator[str]:
    """Means and invariants of states in one storage, unless it's that of computations."""
    stored = found.stored
    where = f"states in {stored.states}"
    if found.found is not None and found.found.outside:
        steps = found.found.steps + found.found.outside
        yield f"{stored}: numbers leave the range in {found.found.outside} of {steps} steps of runs"
    if found.bound is not None and found.bound.error is None and stored.states in FLOATS:
        setting = f" where {found.bound.setting}" if found.bound.setting else ""
        yield f"error: no bound{setting}: {found.bound.why}"
    if stored.states == Stored().states:
        return
    if stored.rounding.is_drawn:
        where += ", rounded at random"
    for mean in (one for one in found.means if not one.mean.is_wide):
        of = f", with {mean.mean.feature}" if mean.mean.feature else ""
        yield f"{where}{of}: {mean.said()}"
    kept = [one for one in found.invariants if one.survives]
    for reason in dict.fromkeys(one.reason for one in kept):
        same = [one.statement for one in kept if one.reason == reason]
        verb = "survives" if len(same) == 1 else "survive"
        yield f"{where}: {', '.join(same)} {verb}: {reason}"
    yield from (f"{where}: {one.said()}" for one in found.invariants if not one.survives)


def storage_report(plan: Plan, wishes: Iterable[Stored]) -> StorageReport:
    """The report on the usual storages, and on others."""
    every: Sequence[Stored] = list(dict.fromkeys((*USUAL, *wishes)))
    rate = plan.rule.hyperparameter(LEARNING_RATE)
    default = None if rate is None or rate.default is None else float(rate.default)
    plain, whole = next(costs(plan)), whole_cost(plan)
    rows = (StorageRow(one, plain, whole, default) for one in in_storages(plan, every))
    return StorageReport(tuple(rows))


def _number(amount: float) -> str:
    return f"{amount:.4g}"
