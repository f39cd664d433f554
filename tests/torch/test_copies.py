"""Copies and pickles of optimizers are of their class, with all that a user gave them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch

import optgen.torch as fused
from tests.torch.training import assert_equal, params_of, run, values

BASE: Any = fused.AdamW


class Warmed(BASE):  # type: ignore[misc]
    """A class of a user, with attributes and a step of its own."""

    def __init__(self, params: Any, warm: int = 4, **arguments: Any) -> None:
        super().__init__(params, **arguments)
        self.warm, self._made, self.notes = warm, 0, {"steps": [0.0]}

    def step(self, closure: Any = None) -> Any:
        self._made += 1
        self.param_groups[0]["lr"] = 0.1 * min(1.0, self._made / self.warm)
        return super().step(closure)


COPIED = pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))], ids=["copy", "pickle"]
)


@COPIED
def test_a_copy_of_a_subclass_is_one_and_has_its_attributes(copied: Callable[[Any], Any]) -> None:
    params = params_of((4,))
    optimizer = Warmed(params, warm=8, weight_decay=0.1)
    # What others hang on it stays with the original, as torch's hooks do.
    torch.optim.lr_scheduler.StepLR(optimizer, 5)
    optimizer.register_step_pre_hook(lambda *_: None)
    run(optimizer, params, range(3))
    twin_params, twin = copied((params, optimizer))
    assert type(twin) is Warmed
    assert (twin.warm, twin._made, twin.notes) == (8, 3, {"steps": [0.0]})
    assert twin.notes is not optimizer.notes
    assert "step" not in vars(twin)
    run(optimizer, params, range(3, 9))
    run(twin, twin_params, range(3, 9))
    assert_equal(values(params), values(twin_params))


@COPIED
def test_a_copy_of_ours_is_of_the_same_class(copied: Callable[[Any], Any]) -> None:
    optimizer = fused.SGD(params_of((4,)), momentum=0.9)
    assert type(copied(optimizer)) is fused.SGD
