"""Measured errors of steps whose gradient and states were stored, in the runs of ``inputs``.

Before each step, gradient and states are rounded to their formats, as kernels store them; the step
is then compared with one in 50 digits, from what they were before.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from optgen.analysis.measure import exact_step, planned_step, start
from optgen.analysis.measure.error_bounds import analyse
from optgen.analysis.measure.ieee import NO_VALUE, SMALLEST, is_finite, to_float32
from optgen.analysis.measure.inputs import CANCELLING, TINY, Run, runs
from optgen.analysis.measure.settings import Setting
from optgen.analysis.measure.storage.invariants import format_of
from optgen.compiler.ir.expression import Expression, walk
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.formats import LEAST_OF_BLOCK, Floating
from optgen.compiler.ir.rule import CALL, GRAD, PARAM, STEP, Rule
from optgen.compiler.ir.storage import Stored

#: The size limit of the expressions of one setting.
MOST_PARTS = 600


@dataclass
class Found:
    """The largest relative error of a step so far, over the steps with all numbers in range."""

    error: float = 0.0
    steps: int = 0
    #: The steps of which a gradient or a state is too large or too small for its format.
    outside: int = 0


def measured(rule: Rule, settings: Iterable[Setting], stored: Stored) -> Found | None:
    """The largest error of a step in all settings; None if they are too large for runs."""
    found = Found()
    for setting in settings:
        if sum(1 for step in setting.steps for _ in walk(step.expression)) > MOST_PARTS:
            return None
        relative = analyse(rule, setting).relative
        memory = Memory(setting, stored)
        for run in runs():
            if run.kind not in (CANCELLING, TINY):
                _take(found, setting, run, memory, relative)
    return found if found.steps else None


@dataclass
class Memory:
    """What buffers keep of values; places in blocks and draws are the same in each process."""

    setting: Setting
    stored: Stored
    draw: random.Random = field(default_factory=lambda: random.Random(0))

    def __post_init__(self) -> None:
        states = (one for one in self.setting.states if one.extent is Extent.ELEMENT)
        self._formats = {one.name: format_of(one, self.stored, self.setting) for one in states}

    def gradient(self, value: float) -> float:
        """What a gradient is when it is loaded."""
        return self.stored.grad.nearest(value)

    def kept(self, states: dict[str, float]) -> dict[str, float]:
        """What states are when they are loaded again."""
        return {name: self._stored(name, value) for name, value in states.items()}

    def holds(self, values: Mapping[str, float]) -> bool:
        """Whether the formats hold the gradient and all states with all their digits."""
        formats = {**self._formats, GRAD: self.stored.grad}
        return all(
            values[name] == 0 or one.least_normal <= abs(values[name]) <= one.largest
            for name, one in formats.items()
            if isinstance(one, Floating)
        )

    def _stored(self, name: str, value: float) -> float:
        found = self._formats.get(name)
        if found is None:
            return value
        if isinstance(found, Floating):
            is_drawn = self.stored.draws(found)
            return found.drawn(value, self.draw.random()) if is_drawn else found.nearest(value)
        place = float(LEAST_OF_BLOCK) + (1 - float(LEAST_OF_BLOCK)) * self.draw.random()
        return found.drawn(value, abs(value) / place, self.draw.random())


def _take(
    found: Found, setting: Setting, run: Run, memory: Memory, relative: Set[Expression]
) -> None:
    """Measure a run of one setting; stop at the first value that isn't finite."""
    states = start(setting)
    for place, gradient in enumerate(run.gradients, start=1):
        number = float(run.number(place))
        given = {**setting.numbers, PARAM: 0.0, STEP: number, CALL: number}
        before = {**given, **states, GRAD: to_float32(gradient)}
        loaded = {**given, **memory.kept(states), GRAD: memory.gradient(before[GRAD])}
        try:
            planned = planned_step(setting, loaded)
            if place in run.measured and not memory.holds(before):
                found.outside += 1
            elif place in run.measured and is_finite(planned[PARAM]):
                exact = exact_step(setting, before, relative)[PARAM]
                off = abs(planned[PARAM] - exact.value)
                if exact.magnitude > SMALLEST:
                    found.error = max(found.error, float(off / exact.magnitude))
                    found.steps += 1
        except NO_VALUE:
            return
        if not all(map(is_finite, planned.values())):
            return
        states = {name: value for name, value in planned.items() if name != PARAM}
