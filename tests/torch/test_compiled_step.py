"""A step is one operation of a compiled function, in a single graph."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import optgen.torch as fused
from tests.torch.training import assert_equal, gradients, network, params_of, values

TORCH_S_OWN = [
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore:The .grad attribute of a Tensor",
]
pytestmark = [pytest.mark.filterwarnings(one) for one in TORCH_S_OWN]


@pytest.fixture(autouse=True)
def forgetting() -> Iterator[None]:
    import torch._dynamo  # noqa: PLC0415

    torch._dynamo.reset()
    with torch._dynamo.config.patch(trace_autograd_ops=True):
        yield
    torch._dynamo.reset()


def compiled(function: Callable[[], Any], backend: str = "aot_eager") -> Callable[[], Any]:
    made: Callable[[], Any] = torch.compile(function, fullgraph=True, backend=backend)
    return made


def operations(graphs: list[torch.fx.GraphModule]) -> list[str]:
    return [str(node.target) for graph in graphs for node in graph.graph.nodes]


def test_a_step_is_one_operation_of_a_graph() -> None:
    graphs: list[torch.fx.GraphModule] = []

    def keep(graph: torch.fx.GraphModule, _: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    params = params_of((4,), (3, 2))
    optimizer = fused.Adam(params, lr=0.1)
    gradients(params, 0)
    step: Any = torch.compile(optimizer.step, fullgraph=True, backend=keep)
    step()
    assert operations(graphs).count("optgen.step") == 1
    assert not [name for name in operations(graphs) if "exp_avg" in name or "sqrt" in name]


@pytest.mark.parametrize("kind", ["RMSprop", "AdamW"])
def test_forward_backward_and_step_are_one_graph(kind: str) -> None:
    found = []
    for is_compiled in (False, True):
        model, inputs = network(torch.float32), torch.ones(2, 6)
        optimizer = getattr(fused, kind)(model.parameters(), lr=0.1)

        def train(model: Any = model, optimizer: Any = optimizer, inputs: Any = inputs) -> Any:
            loss = (model(inputs) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss.detach()

        step = compiled(train) if is_compiled else train
        losses = []
        for _ in range(4):
            # Torch can't assign None to gradients in what it compiles without harm to other graphs.
            optimizer.zero_grad()
            losses.append(step())
        assert {float(own.get("step", 4.0)) for own in optimizer.state.values()} == {4.0}
        found.append([*losses, *values(list(model.parameters()))])
    assert_equal(*found)


def test_the_code_of_torch_s_compiler_for_a_step() -> None:
    found = []
    for is_compiled in (False, True):
        params = params_of((4,), (3, 2))
        optimizer = fused.RMSprop(params, lr=0.1, momentum=0.9)
        step = compiled(optimizer.step, "inductor") if is_compiled else optimizer.step
        for number in range(4):
            # A parameter without a gradient is left alone.
            gradients(params, number)
            params[1].grad = None if number == 2 else params[1].grad
            step()
        found.append([*values(params), *(own["square_avg"] for own in optimizer.state.values())])
    assert_equal(*found)


def test_schedulers_change_the_rate_without_a_new_graph() -> None:
    from torch._dynamo.testing import CompileCounter  # noqa: PLC0415

    found, counter = [], CompileCounter()
    for backend in (None, counter):
        params = params_of((4,), (3, 2))
        optimizer = fused.Adam(params, lr=0.5)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)

        # A scheduler replaces the method of its optimizer, but not that of the class.
        def step(optimizer: Any = optimizer) -> None:
            type(optimizer).step(optimizer)

        if backend is not None:
            step = torch.compile(step, fullgraph=True, backend=backend)
        for number in range(4):
            gradients(params, number)
            if backend is None:
                optimizer.step()
            else:
                step()
            scheduler.step()
        found.append(values(params))
    assert_equal(*found)
    assert counter.frame_count <= 2


def test_values_that_a_graph_has_elsewhere_are_updated_there() -> None:
    params, others = params_of((4,), (3, 2)), params_of((4,), (3, 2))
    ours, theirs = fused.Adam(params, lr=0.1), fused.Adam(others, lr=0.1)
    gradients(others, 0)
    found = [param.grad for param in others]
    elsewhere = [param.detach() + 1 for param in params]
    before = values(params)
    with torch.no_grad():
        torch.ops.optgen.step(ours._number, [0, 1], elsewhere, found)
        torch._foreach_add_(others, 1)
    theirs.step()
    assert_equal(before, values(params))
    assert_equal(elsewhere, values(others))
    assert all(param.grad is None for param in params)


def test_an_optimizer_that_is_gone_makes_no_step() -> None:
    optimizer = fused.SGD(params_of((4,)), lr=0.1)
    number = optimizer._number
    del optimizer
    gc.collect()
    weight = torch.ones(4)
    with pytest.raises(RuntimeError, match="is gone; keep it"):
        torch.ops.optgen.step(number, [0], [weight], [weight.clone()])
