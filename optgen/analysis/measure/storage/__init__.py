"""Storage: what becomes of a rule whose parameters, gradients and states aren't float32."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from optgen.analysis.measure.settings import Setting, settings
from optgen.analysis.measure.storage.bounds import StepError, step_error
from optgen.analysis.measure.storage.invariants import Encoded, encoded
from optgen.analysis.measure.storage.means import means, means_of_features
from optgen.analysis.measure.storage.runs import Found, measured
from optgen.analysis.measure.storage.standstill import Standstill, standstill
from optgen.compiler.ir.accuracy import StoredStep
from optgen.compiler.ir.formats import FLOAT32
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.rule import Rule
from optgen.compiler.ir.storage import Rounding, Stored

__all__ = ["InStorage", "in_storage", "in_storages", "stored_step"]


@dataclass(frozen=True)
class InStorage:
    """A rule in a storage, over all settings of its switches; means also of features."""

    stored: Stored
    #: The largest bound of the error of a step, or the first setting without one; None for a rule
    #: with too many settings.
    bound: StepError | None
    means: tuple[Standstill, ...]
    invariants: tuple[Encoded, ...]
    #: The largest error found in runs; None if there are none.
    found: Found | None

    @property
    def own(self) -> tuple[Standstill, ...]:
        """The means of the rule itself."""
        return tuple(one for one in self.means if not one.mean.feature)

    @property
    def lost(self) -> tuple[Fraction, Fraction]:
        """Sizes of updates relative to a parameter.

        Up to the first, each is lost; above the second, none is.
        """
        return self.stored.kept.halves


def in_storage(plan: Plan, stored: Stored) -> InStorage:
    """What becomes of an optimizer in a storage."""
    (found,) = in_storages(plan, [stored])
    return found


def in_storages(plan: Plan, wishes: Iterable[Stored]) -> Iterator[InStorage]:
    """What becomes of an optimizer in each of some storages.

    Those that differ in their parameters only share runs: steps begin with parameters of 0.
    """
    rule, every = plan.rule, list(settings(plan))
    runs: dict[Stored, Found | None] = {}
    for stored in wishes:
        is_drawn = stored.rounding.is_drawn
        alike = replace(stored, param=FLOAT32, rounding=_ROUNDED[is_drawn])
        if alike not in runs:
            runs[alike] = measured(rule, every, alike)
        kept = dict.fromkeys(one for setting in every for one in encoded(setting, stored))
        features = (standstill(mean, stored) for mean in means_of_features(rule))
        found = (*_means(rule, every, stored), *features)
        yield InStorage(stored, _largest(rule, every, stored), found, tuple(kept), runs[alike])


#: The roundings of states that differ in runs, by whether neighbours are drawn.
_ROUNDED = (Rounding.NEAREST, Rounding.STOCHASTIC)


def stored_step(plan: Plan, stored: Stored) -> StoredStep:
    """The bound of a step's error, and the means that stand still, for headers."""
    every = list(settings(plan))
    bound = _largest(plan.rule, every, stored)
    standing = (one.mean for one in _means(plan.rule, every, stored) if one.stands)
    return StoredStep(
        stored.param.name,
        None if bound is None else bound.error,
        bound is not None and bound.cancels,
        tuple(f"{one.state} with {one.shown}" for one in standing),
    )


def _largest(rule: Rule, every: Sequence[Setting], stored: Stored) -> StepError | None:
    found = [step_error(rule, setting, stored) for setting in every]
    without = next((one for one in found if one.error is None), None)
    return without or max(found, key=lambda one: one.error or 0, default=None)


def _means(rule: Rule, every: Sequence[Setting], stored: Stored) -> tuple[Standstill, ...]:
    """Each mean once, with the share of the first setting that has it."""
    found = {mean.state: mean for setting in reversed(every) for mean in means(rule, setting)}
    return tuple(standstill(mean, stored) for mean in found.values())
