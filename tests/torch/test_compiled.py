"""Steps inside of what ``torch.compile`` compiles are those outside."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch

import optgen.torch as fused
from tests.torch.training import assert_equal, network, params_of, run, values

# Torch deprecates parts of itself on the way, and looks at what warns of it.
TORCH_S_OWN = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:The .grad attribute of a Tensor"
)


@TORCH_S_OWN
@pytest.mark.parametrize("name", ["SGD", "AdamW"])
def test_steps_and_train_steps_may_be_compiled(name: str) -> None:
    def step_of(model: torch.nn.Module, optimizer: Any) -> Callable[[], Any]:
        def step() -> Any:
            optimizer.zero_grad()
            loss = (model(torch.ones(2, 6)) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss.detach()

        return step

    found = []
    for is_compiled in (False, True):
        model = network(torch.float32)
        step = step_of(model, getattr(fused, name)(model.parameters(), lr=0.1))
        step = torch.compile(step, backend="eager") if is_compiled else step
        losses = [step() for _ in range(4)]
        found.append([*losses, *values(list(model.parameters()))])
    assert_equal(*found)


@TORCH_S_OWN
def test_a_compiled_step_alone() -> None:
    params, others = params_of((4,), (3,)), params_of((4,), (3,))
    one, other = fused.Adam(params), fused.Adam(others)
    run(one, params, range(1))
    run(other, others, range(1))
    step = torch.compile(one.step, backend="eager")
    for number in range(1, 4):
        for own in (params, others):
            for param in own:
                param.grad = torch.full_like(param, float(number))
        step()
        other.step()
    assert_equal(values(params), values(others))


def test_the_compiler_is_not_imported_with_the_package() -> None:
    code = "import sys, optgen.torch; sys.exit('torch._dynamo' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
