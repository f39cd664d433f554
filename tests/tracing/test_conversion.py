"""Optimizers of torch, of other libraries and of people: specs do the same in each step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytorch_optimizer
import torch

from tests.tracing.beside import difference, text_of
from tests.tracing.optimizers import CONVERTED

#: Torch's own, with arguments that choose another rule than the defaults do.
TORCH: tuple[tuple[type, dict[str, Any]], ...] = (
    (torch.optim.SGD, {"lr": 0.1}),
    (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.2}),
    (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    (torch.optim.Adam, {"amsgrad": True}),
    (torch.optim.AdamW, {}),
    (torch.optim.RMSprop, {"centered": True, "momentum": 0.5}),
    (torch.optim.Rprop, {}),
    (torch.optim.Adadelta, {}),
    (torch.optim.Adagrad, {"lr_decay": 0.1, "initial_accumulator_value": 0.3}),
    (torch.optim.Adamax, {}),
    (torch.optim.RAdam, {}),
)
#: Of what converts (benchmarks/imported.py lists all), those with something that no other has.
OTHERS = (
    *("ADOPT", "AdaBound", "AggMo", "BCOS", "EmoNavi", "Kate", "Lamb", "NovoGrad", "PNM"),
    *("Adai", "Prodigy", "ScheduleFreeAdamW", "Yogi"),
)


@pytest.fixture(autouse=True)
def wide() -> Iterator[None]:
    """Some keep numbers in torch's default type, which is as wide as their parameters here."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def check(owner: type, values: dict[str, Any], folder: Path) -> None:
    text = text_of(owner, values)
    assert difference(owner, values, text, folder) < 2e-12, text


def ids(value: Any) -> str | None:
    return value.__name__ if isinstance(value, type) else None


@pytest.mark.parametrize(("owner", "values"), CONVERTED, ids=ids)
def test_what_people_write(owner: type, values: dict[str, Any], tmp_path: Path) -> None:
    check(owner, values, tmp_path)


@pytest.mark.parametrize(("owner", "values"), TORCH, ids=ids)
def test_torch(owner: type, values: dict[str, Any], tmp_path: Path) -> None:
    check(owner, values, tmp_path)


@pytest.mark.parametrize("name", OTHERS)
def test_pytorch_optimizer(name: str, tmp_path: Path) -> None:
    check(getattr(pytorch_optimizer, name), {}, tmp_path)
