"""Thirty steps with an optional feature, beside another library's."""

from __future__ import annotations

from typing import Any

import pytest
import pytorch_optimizer as po
import torch

from tests.zoo.libraries import of_torch, timm_class
from tests.zoo.papers import RATE
from tests.zoo.peer import TOLERANCE
from tests.zoo.runs import Run, difference, gradients, of_built, start


def looking_ahead(params: Any, **arguments: Any) -> Any:
    return po.Lookahead(torch.optim.SGD(params, lr=RATE), **arguments)


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
    ],
)
def test_steps_with_a_feature_are_theirs(
    rule: str, feature: str, ours: dict[str, Any], theirs: Run
) -> None:
    first, rows = start(), gradients()
    mine = of_built([rule, feature], {"learning_rate": RATE, **ours})(first, rows)
    assert difference(mine, theirs(first, rows), first) <= TOLERANCE
    # The feature is what the rule alone doesn't have.
    plain = of_built([rule, feature], {"learning_rate": RATE})(first, rows)
    assert difference(plain, theirs(first, rows), first) > TOLERANCE
