"""Models made of other parts than an optimizer of plain arrays has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from optgen.optimizers import Adam
from optgen.runtime import Array
from optgen.runtime.core import Core, core_of
from optgen.runtime.gradient_reader import GivenGradients
from optgen.runtime.hyperparameters.groups import Group, groups_of
from optgen.runtime.memory import Memory
from optgen.runtime.model import Model
from optgen.runtime.parts import NewStates, Parts

pytestmark = pytest.mark.usefixtures("python_kernels")
VALUES = np.array([1.0, -2.0, 0.5])
GRADIENTS = {path: np.array([0.3, -0.1, 4.0]) * k for k, path in enumerate(("a", "b", "c"), 1)}


def made(parts: Parts) -> tuple[Core, GivenGradients, dict[str, Array]]:
    optimizer = Adam(learning_rate=0.1)
    core, variables = core_of(optimizer), {path: VALUES.copy() for path in GRADIENTS}
    core.model = Model(variables, Adam.states, core.settings, core.treatment, Adam, parts)
    return core, GivenGradients(core.model), variables


@dataclass
class Each:
    """Ages of three variables, of which one had updates before."""

    ages: Any = field(default_factory=lambda: np.array([0, 7, 0], np.int64))

    def next(self, updates: int) -> Any:
        return self.ages + 1

    def counting(self, chosen: Any) -> Sequence[Any]:
        return [(np.add, self.ages, chosen, self.ages)]


def adam(gradient: Array, steps: range) -> Array:
    """The rule as the paper has it, for a state of zeros before the first of some steps."""
    param, momentum, velocity = VALUES.copy(), np.zeros(3), np.zeros(3)
    for step in steps:
        momentum += 0.1 * (gradient - momentum)
        velocity += 0.001 * (gradient**2 - velocity)
        size = 0.1 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        param -= size * momentum / (np.sqrt(velocity) + 1e-7)
    return param


def test_variables_may_have_ages_of_their_own() -> None:
    core, reader, variables = made(Parts(ages=Each()))
    for _ in range(3):
        core.take(reader.read(GRADIENTS, None))
    for path, first in (("a", 1), ("b", 8), ("c", 1)):
        expected = adam(GRADIENTS[path], range(first, first + 3))
        np.testing.assert_allclose(variables[path], expected, rtol=1e-12)


def test_states_may_come_from_elsewhere() -> None:
    names = [state.name for state in Adam.states]
    held = {(index, name): np.full(3, 0.5) for index in range(3) for name in names}

    class Held(NewStates):
        def state(self, memory: Memory, variables: Any, index: int, *given: Any) -> Any:
            return held[index, given[0]]

    core, reader, _ = made(Parts(states=Held()))
    core.take(reader.read(GRADIENTS, None))
    np.testing.assert_allclose(held[0, "mean_gradient"], 0.9 * 0.5 + 0.1 * GRADIENTS["a"])


def test_of_groups_with_one_member_the_later_counts() -> None:
    optimizer = Adam(learning_rate=0.1)
    settings = core_of(optimizer).settings
    groups = {
        "first": Group(frozenset({"a", "b"}), {"learning_rate": 0.2}),
        "second": Group(frozenset({"b"}), {"learning_rate": 0.3}),
    }
    settings.group(groups)
    assert settings.groups(["a", "b", "c"]) == groups
    assert [groups_of(groups, path) for path in "abc"] == [("first",), ("first", "second"), ()]
    variables = {path: np.zeros(1) for path in "abc"}
    optimizer.build(variables)
    optimizer.apply([np.ones(1)] * 3)
    # The first step of Adam is the learning rate, but for epsilon.
    steps = [-float(array[0]) for array in variables.values()]
    np.testing.assert_allclose(steps, [0.2, 0.3, 0.1], rtol=1e-4)
