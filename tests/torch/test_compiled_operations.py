"""Steps as operations that torch compiles, beside torch's own classes and beside kernels."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters
from torch._inductor import config

import optgen.optimizers
import optgen.torch as fused
from optgen.torch import optimizer_class
from tests.chosen import first_of
from tests.torch.test_backend import FEATURES, agree, run

pytestmark = [
    pytest.mark.skipif(
        not (shutil.which("g++") or shutil.which("clang++")),
        reason="torch.compile has no C++ compiler",
    ),
    # Torch's own, from loading its compiler.
    pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def _plain_code() -> Iterator[None]:
    """Torch would build programs to find the vectors of this machine."""
    with config.patch({"cpp.vec_isa_ok": False}):
        yield


@pytest.fixture(autouse=True)
def graphs() -> Counter[str]:
    """What torch counts of the graphs of a test."""
    torch._dynamo.reset()
    counters.clear()
    found: Counter[str] = counters["stats"]
    return found


def test_one_graph_is_for_all_shapes_and_steps(graphs: Counter[str]) -> None:
    arguments: dict[str, Any] = {"weight_decay": 0.1, "dtype": torch.float32}
    params, optimizer = run(fused.AdamW, backend="compiled", **arguments)
    others, _ = run(torch.optim.AdamW, **arguments)
    assert optimizer.backend == "compiled"
    assert counters["stats"]["unique_graphs"] == 1
    for param, other in zip(params, others, strict=True):
        torch.testing.assert_close(param.detach(), other.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("names", first_of(["global norm+average", "global norm", "average"], 1))
def test_features_are_those_of_kernels(names: str) -> None:
    kind = optimizer_class(optgen.optimizers.Lion)
    given = {key: value for name in names.split("+") for key, value in FEATURES[name].items()}
    one, other = (run(kind, backend=name, **given) for name in ("compiled", "kernels"))
    agree(one, other, 1e-12)


def test_matrices_are_those_of_kernels() -> None:
    kind = optimizer_class(optgen.optimizers.TorchAdafactor)
    one, other = (run(kind, backend=name) for name in ("compiled", "kernels"))
    agree(one, other, 1e-10)


def test_a_state_may_become_another_one() -> None:
    """The gradient before is read after the gradient took its place in memory."""
    kind = optimizer_class(optgen.optimizers.Adan)
    one, other = (run(kind, backend=name) for name in ("compiled", "kernels"))
    agree(one, other, 1e-12)


def test_numbers_of_all_parameters_change_once() -> None:
    """Each parameter's step reads the distance that all share, and gives the same new one."""
    kind = optimizer_class(optgen.optimizers.Prodigy)
    given: dict[str, Any] = {"lr": 0.5, "d0": 0.01}
    one, other = (run(kind, backend=name, **given) for name in ("compiled", "kernels"))
    agree(one, other, 1e-10)
