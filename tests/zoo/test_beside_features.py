"""Thirty steps with an optional feature, beside another library's."""

from __future__ import annotations

from typing import Any

import optax
import pytest
import pytorch_optimizer as po
import torch

from tests.zoo.libraries import of_optax, of_torch, timm_class
from tests.zoo.papers import RATE
from tests.zoo.peer import TOLERANCE
from tests.zoo.peers_adam import RANGER21
from tests.zoo.runs import Run, difference, gradients, of_built, start


def looking_ahead(params: Any, **arguments: Any) -> Any:
    return po.Lookahead(torch.optim.SGD(params, lr=RATE), **arguments)


class Outer(torch.optim.SGD):
    """Torch's momentum on the way of some steps of its SGD, as DiLoCo has it on each worker."""

    def __init__(self, params: Any, *, every: int, outer: float, momentum: float) -> None:
        super().__init__(params, lr=RATE)
        self.last = [p.detach().clone() for p in self.param_groups[0]["params"]]
        self.outer = torch.optim.SGD(self.last, lr=outer, momentum=momentum, nesterov=True)
        self.every, self.calls = every, 0

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        super().step()
        self.calls += 1
        if self.calls % self.every == 0:
            parameters = self.param_groups[0]["params"]
            for before, after in zip(self.last, parameters, strict=True):
                before.grad = before - after.detach()
            self.outer.step()
            with torch.no_grad():
                torch._foreach_copy_(parameters, self.last)


def mechanized(learning_rate: float) -> optax.GradientTransformationExtraArgs:
    """The authors' transformation, which takes the sum of changes from parameters again.

    It divides by the factor plus epsilon for it: an epsilon that counts is another rule.
    """
    inner = optax.adamw(learning_rate, weight_decay=0.25)
    return optax.contrib.mechanize(inner, weight_decay=0.5, eps=1e-18, s_init=0.01)


MECHANIC = {"mechanic_decay": 0.5, "mechanic_start": 0.01, "mechanic_epsilon": 1e-18}


@pytest.mark.parametrize(
    ("rule", "feature", "ours", "theirs"),
    [
        (
            "lion",
            "cautious",
            {"cautious": True},
            of_torch(timm_class("lion", "Lion"), lr=RATE, caution=True),
        ),
        (
            "sgd",
            "lookahead",
            {"lookahead": 4, "lookahead_pace": 0.25},
            of_torch(looking_ahead, k=4, alpha=0.25),
        ),
        (
            "sgd",
            "outer_nesterov",
            {"outer_nesterov": 4, "outer_learning_rate": 0.75, "outer_momentum": 0.5},
            of_torch(Outer, every=4, outer=0.75, momentum=0.5),
        ),
        (
            "ranger21",
            "adaptive_clipping lookahead",
            {"adaptive_clipping": 0.01, "lookahead": 5, "weight_decay": 0.0},
            of_torch(po.Ranger21, **{**RANGER21, "lr": RATE, "lookahead_merge_time": 5}),
        ),
        (
            "torchadam",
            "mechanic",
            {"mechanic": True, "weight_decay": 0.25, **MECHANIC},
            of_optax(mechanized, learning_rate=RATE),
        ),
    ],
)
def test_steps_with_a_feature_are_theirs(
    rule: str, feature: str, ours: dict[str, Any], theirs: Run
) -> None:
    first, rows = start(), gradients()
    mine = of_built([rule, *feature.split()], {"learning_rate": RATE, **ours})(first, rows)
    assert difference(mine, theirs(first, rows), first) <= TOLERANCE
    # The feature is what the rule alone doesn't have.
    plain = of_built([rule, *feature.split()], {"learning_rate": RATE})(first, rows)
    assert difference(plain, theirs(first, rows), first) > TOLERANCE
