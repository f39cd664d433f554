"""Attributes that an optimizer doesn't have are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optgen.optimizers import SGD, Adam
from optgen.optimizers.schedules import ExponentialDecay
from optgen.runtime.loss_scaling import LossScaleOptimizer


@pytest.mark.parametrize(
    ("made", "name", "hint"),
    [
        (Adam(), "learnin_rate", "did you mean 'learning_rate'"),
        (Adam(), "constraints", "no attribute 'constraints'"),
        (LossScaleOptimizer(SGD()), "learning_rat", "did you mean 'learning_rate'"),
        (LossScaleOptimizer(SGD()), "momentum", "no attribute"),
        (LossScaleOptimizer(SGD()), "initial_scale", "initial_scale"),
        (LossScaleOptimizer(SGD()), "dynamic_growth_steps", "dynamic_growth_steps"),
        (ExponentialDecay(0.1, 10, 0.5), "decay_step", "can't be set"),
    ],
)
def test_what_it_does_not_have_is_refused(made: Any, name: str, hint: str) -> None:
    with pytest.raises(AttributeError, match=hint):
        setattr(made, name, 3)


def test_what_it_has_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    optimizer: Any = Adam()
    optimizer.learning_rate, optimizer.name, optimizer._mark = 0.5, "mine", 3
    assert (optimizer.learning_rate, optimizer.name, optimizer._mark) == (0.5, "mine", 3)
    calls: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(optimizer, "apply", calls.append)
        optimizer.apply([1])
    assert calls == [[1]]
    optimizer.apply([np.ones(2)], [np.ones(2)])
    assert optimizer.iterations == 1


def test_a_subclass_has_attributes_of_its_own() -> None:
    class Tagged(Adam):  # type: ignore[misc]
        limit: int

        def __init__(self, tag: str, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.tag = tag

    optimizer = Tagged("a", beta_1=0.5)
    optimizer.tag, optimizer.limit = "b", 3
    assert (optimizer.tag, optimizer.limit, optimizer.beta_1) == ("b", 3, 0.5)
    with pytest.raises(AttributeError, match="did you mean 'learning_rate'"):
        optimizer.learnin_rate = 3
