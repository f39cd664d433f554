"""Programs besides the steps: what evaluation uses, and moves to where a gradient is taken."""

from __future__ import annotations

from collections.abc import Sequence

from optgen.runtime.arrays import Gradient
from optgen.runtime.counters import Counters
from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.kernels import COME_BACK, EVALUATE, PERTURB
from optgen.runtime.memory import Mask
from optgen.runtime.model import Model
from optgen.runtime.transaction import Call


def evaluating(model: Model, settings: Settings, counters: Counters, chosen: Mask) -> list[Call]:
    """The calls that give some variables the values that evaluation uses."""
    rows = settings.rows(model.row_set, counters.calls - 1)
    model.begin_at(rows, counters.calls, model.ages.next(counters.updates) - 1)
    program = model.engine.program(EVALUATE)
    assert program is not None
    model.engine.sum_up(program, chosen, ())
    return model.engine.launches(program, chosen)


def perturbing(
    model: Model, settings: Settings, counters: Counters, gradients: Sequence[Gradient | None]
) -> list[Call]:
    """The calls that move variables to where the next gradient is taken.

    Variables without a gradient have one of zeros: what comes back needs their place, too.
    """
    model.begin(settings.rows(model.row_set, counters.calls), counters)
    program = model.engine.program(PERTURB)
    assert program is not None
    chosen = model.trained
    model.engine.sum_up(program, chosen, model.filled(gradients, chosen))
    return [*model.engine.launches(program, chosen), (setattr, model, "is_perturbed", True)]


def coming_back(model: Model, chosen: Mask) -> list[Call]:
    """The calls that move perturbed variables to where they were, without an update."""
    program = model.engine.program(COME_BACK)
    if program is None or not model.is_perturbed:
        return []
    return [*model.engine.launches(program, chosen), (setattr, model, "is_perturbed", False)]
