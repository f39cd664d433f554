"""Direction of steps under constant and reversing gradients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optgen.analysis.exact.reductions import is_reduction
from optgen.analysis.prove.battery import AFTER, SIZES, Battery
from optgen.analysis.prove.float32 import Array
from optgen.analysis.prove.observation import observation, trajectory
from optgen.compiler.ir.expression import walk
from optgen.compiler.ir.proof import Finding
from optgen.compiler.ir.rule import GRAD


def directions(battery: Battery) -> Iterator[Finding]:
    """Findings about constant gradients and about one that changes its sign."""
    yield _downhill(battery)
    yield _turns(battery)


def _downhill(battery: Battery) -> Finding:
    """After a start-up phase, steps under constant gradients of each magnitude descend."""
    every = battery.constant.parameters
    path, at_rest = every[:, : len(SIZES)], every[-1, -1] - every[5, -1]
    gradients = np.concatenate([size * battery.elements for size in SIZES])
    # Subtract the motion without a gradient, such as a decay.
    moved = path[-1] - path[5] - at_rest
    wrong = _uphill(battery, moved, gradients, 1e-12 * np.abs(path[-1]))
    statement = "a constant gradient is followed downhill"
    fault = "the parameter moves uphill under a constant gradient"
    if not wrong.any():
        reason = f"for gradients from {min(SIZES)} to 100"
        return observation(battery, statement, True, reason, {}, fault=fault)
    run, element = (int(part[0]) for part in np.nonzero(wrong))
    gradient = float(gradients[run, element])
    reason = f"a gradient of {gradient:g} moves the parameter the same way"
    numbers = {GRAD: gradient, **trajectory(path[:, run, element])}
    return observation(battery, statement, False, reason, numbers, fault=fault)


def _turns(battery: Battery) -> Finding:
    """After the gradient changes its sign, the steps change theirs."""
    path = battery.turned.parameters[:, 0]
    late = path[-1] - path[-1 - AFTER // 4]
    wrong = _uphill(battery, late[None], -battery.elements, 1e-12 * np.abs(path[-1]))
    return observation(
        battery,
        "once the gradient turns around, so do the steps",
        not wrong.any(),
        f"within {AFTER} steps of a gradient that turned around",
        trajectory(path[:, 0]),
        fault="steps go the old way long after the gradient has turned around",
    )


def _uphill(battery: Battery, moved: Array, gradients: Array, tiny: Array) -> Array:
    """Elements that moved in the direction of their gradients.

    A rule that combines elements, as in a projection, may move some elements uphill if the inner
    product of change and gradient is negative.
    """
    wrong = np.asarray(moved * np.sign(gradients) > tiny)
    if _combines(battery):
        together = (moved * gradients).sum(axis=1, keepdims=True)
        wrong &= ~(together < 0)
    return wrong


def _combines(battery: Battery) -> bool:
    return any(
        is_reduction(part) for step in battery.variant.assignments for part in walk(step.expression)
    )
