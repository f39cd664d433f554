"""Arrays of torch, CuPy and Numba on a GPU; each where the library is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import optgen.optimizers as oo


def cuda_torch() -> Any:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device: it was built without CUDA, or for another driver")
    return torch


def test_torch_trains_as_with_its_own_optimizer() -> None:
    torch = cuda_torch()
    torch.manual_seed(0)
    ours = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.Tanh(), torch.nn.Linear(128, 10))
    theirs = torch.nn.Sequential(*(layer.__class__(*shape) for layer, shape in layers(torch)))
    theirs.load_state_dict(ours.state_dict())
    ours, theirs = ours.cuda(), theirs.cuda()
    optimizer = oo.SGD(0.1, momentum=0.9)
    optimizer.build(dict(ours.named_parameters()))
    # Keras's momentum holds the rate, torch's doesn't; with a constant rate they agree.
    peer = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    inputs = torch.randn(256, 64, device="cuda")
    labels = torch.randint(0, 10, (256,), device="cuda")
    for _ in range(20):
        for model in (ours, theirs):
            model.zero_grad()
            torch.nn.functional.cross_entropy(model(inputs), labels).backward()
        optimizer.apply({name: p.grad for name, p in ours.named_parameters()})
        peer.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def layers(torch: Any) -> list[tuple[Any, tuple[int, ...]]]:
    return [
        (torch.nn.Linear(1, 1), (64, 128)),
        (torch.nn.Tanh(), ()),
        (torch.nn.Linear(1, 1), (128, 10)),
    ]


def test_torch_on_its_current_stream_and_in_its_graphs() -> None:
    torch = cuda_torch()
    weight = torch.ones(10_000, device="cuda")
    gradient = torch.full_like(weight, 0.5)
    optimizer = oo.Adam(0.1)
    optimizer.build([weight])
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        optimizer.apply([gradient])
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        optimizer.apply([gradient])
    for _ in range(3):
        graph.replay()
    torch.cuda.synchronize()
    expected = np.ones(10_000, np.float32)
    peer = oo.Adam(0.1)
    peer.build([expected])
    for _ in range(4):
        peer.apply([np.full(10_000, 0.5, np.float32)])
    assert optimizer.iterations == 4
    np.testing.assert_allclose(weight.cpu().numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_torch_s_halves_are_updated_where_they_are(name: str) -> None:
    torch = cuda_torch()
    fused = pytest.importorskip("optgen.torch")
    dtype = getattr(torch, name)
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(1000, 1000, device="cuda", dtype=dtype))
    wide = torch.nn.Parameter(weight.detach().float())
    ours, theirs = fused.Adam([weight], lr=0.01), torch.optim.Adam([wide], lr=0.01)
    for step in range(5):
        weight.grad = torch.randn_like(weight)
        wide.grad = weight.grad.float()
        if step == 1:
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.max_memory_allocated()
        ours.step()
        if step == 1:
            assert torch.cuda.max_memory_allocated() == before
        theirs.step()
        # Half-precision parameters are rounded after each step.
        wide.data.copy_(wide.detach().to(dtype))
    assert (weight.detach() != wide.detach().to(dtype)).float().mean() < 0.01
    torch.testing.assert_close(weight.float(), wide, rtol=4 * torch.finfo(dtype).eps, atol=1e-3)
    assert ours.state[weight]["exp_avg"].dtype is torch.float32


def test_torch_reads_states_of_bfloat16() -> None:
    torch = cuda_torch()
    tensor_on = pytest.importorskip("optgen.torch.gradients").tensor_on
    weight = torch.ones(100, device="cuda", dtype=torch.bfloat16)
    optimizer = oo.SGD(0.5, momentum=0.5, state_dtype="bfloat16")
    optimizer.build({"weight": weight})
    optimizer.apply([torch.ones_like(weight)])
    (state,) = optimizer.state["weight"].values()
    found = tensor_on(state, weight.device)
    assert found.dtype is torch.bfloat16
    assert found.data_ptr() == state.address
    torch.testing.assert_close(found, torch.full_like(found, -0.5))


def test_a_loss_is_scaled_on_the_gpu() -> None:
    torch = cuda_torch()
    weight = torch.nn.Parameter(torch.ones(100, device="cuda"))
    optimizer = oo.LossScaleOptimizer(oo.SGD(0.1), initial_scale=4.0, dynamic_growth_steps=2)
    optimizer.build([weight])
    for _ in range(4):
        weight.grad = None
        optimizer.scale_loss((weight**2).sum()).backward()
        optimizer.apply([weight.grad])
    assert optimizer.dynamic_scale == 16.0
    torch.testing.assert_close(weight.detach(), torch.full((100,), 0.8**4, device="cuda"))


def test_numba_device_arrays() -> None:
    from numba import cuda  # noqa: PLC0415

    host = np.linspace(-1, 1, 1000, dtype=np.float32)
    variable, gradient = cuda.to_device(host), cuda.to_device(np.ones(1000, np.float32))
    optimizer = oo.RMSprop(0.1)
    optimizer.build([variable])
    optimizer.apply([gradient])
    peer = oo.RMSprop(0.1)
    peer.build([host])
    peer.apply([np.ones(1000, np.float32)])
    np.testing.assert_allclose(variable.copy_to_host(), host, rtol=1e-6)


def test_cupy() -> None:
    cupy = pytest.importorskip("cupy")
    variable, gradient = cupy.ones((50, 20), np.float32), cupy.ones((20, 50), np.float32).T
    optimizer = oo.SGD(0.25)
    optimizer.build([variable])
    optimizer.apply([gradient])
    np.testing.assert_array_equal(cupy.asnumpy(variable), np.full((50, 20), 0.75, np.float32))
