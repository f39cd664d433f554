"""Rules with functions of whole matrices: what they compute, keep and refuse."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp._flat_param import FlatParameter
from torch.distributed.tensor import Replicate, Shard, distribute_tensor

from optgen.torch import matrix_library, optimizer_class
from tests.extents.own import rule as rule_of_extents
from tests.matrices.formulas import SHAPES, drawn, expected
from tests.matrices.own import NAMES, package, rule

pytestmark = pytest.mark.usefixtures("python_kernels")
STEPS = 6
TOLERANCE = {np.float32: 2e-6, np.float64: 1e-12}


def made(name: str, params: list[Any]) -> Any:
    """The last parameter is no matrix."""
    groups = [{"params": params[:-1]}, {"params": params[-1:], "matrix": False}]
    return optimizer_class(rule(name))(groups)


def learn(optimizer: Any, params: list[Any], rows: list[list[Any]]) -> None:
    for row in rows:
        for param, gradient in zip(params, row, strict=True):
            param.grad = torch.from_numpy(gradient)
        optimizer.step()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_a_run_ends_where_the_formulas_do(name: str, dtype: Any) -> None:
    """It goes on from a state dictionary, and from a copy, after half of its steps."""
    held, rows = drawn(STEPS, dtype)
    wanted = expected(name, held, rows)
    params = [torch.from_numpy(array).requires_grad_() for array in held.values()]
    optimizer = made(name, params)
    learn(optimizer, params, rows[: STEPS // 2])
    copies, copied = copy.deepcopy((params, optimizer))
    saved = copy.deepcopy(optimizer.state_dict())
    optimizer = made(name, params)
    optimizer.load_state_dict(saved)
    learn(optimizer, params, rows[STEPS // 2 :])
    learn(copied, copies, rows[STEPS // 2 :])
    for one, other, array in zip(params, copies, wanted, strict=True):
        np.testing.assert_allclose(one.detach().numpy(), array, rtol=0, atol=TOLERANCE[dtype])
        assert torch.equal(one, other)


def test_squares_are_states_in_the_memory_of_kernels() -> None:
    held, rows = drawn(2)
    params = [torch.from_numpy(array).requires_grad_() for array in held.values()]
    optimizer = made("Rooted", params)
    learn(optimizer, params, rows[:1])
    wide, batch = optimizer.state[params[0]], optimizer.state[params[2]]
    assert wide["left"].shape == (3, 3)
    assert wide["right"].shape == (5, 5)
    assert batch["right_root"].shape == (12, 12)
    assert wide["left"].dtype == torch.float32
    wide["left"].zero_()
    learn(optimizer, params, rows[1:])
    gradient = rows[1][0].astype(np.float64)
    np.testing.assert_allclose(wide["left"].numpy(), gradient @ gradient.T, rtol=1e-5)
    assert "left" not in optimizer.state[params[4]]
    assert "left" not in optimizer.state[params[5]]


def test_a_square_of_another_shape_is_refused() -> None:
    held, rows = drawn(1)
    params = [torch.from_numpy(array).requires_grad_() for array in held.values()]
    optimizer = made("Rooted", params)
    learn(optimizer, params, rows)
    saved = copy.deepcopy(optimizer.state_dict())
    saved["state"][0]["left"] = torch.zeros(5, 5)
    with pytest.raises(ValueError, match=r"left of parameter 0.0 has shape \(5, 5\), not \(3, 3\)"):
        optimizer.load_state_dict(saved)


def test_half_precision_is_computed_in_float32() -> None:
    held, rows = drawn(1)
    params = [torch.from_numpy(a).bfloat16().requires_grad_() for a in held.values()]
    exact = {path: p.detach().float().numpy() for path, p in zip(SHAPES, params, strict=True)}
    grads = [torch.from_numpy(gradient).bfloat16() for gradient in rows[0]]
    wanted = expected("Ortho", exact, [[g.float().numpy() for g in grads]])
    for param, gradient in zip(params, grads, strict=True):
        param.grad = gradient
    made("Ortho", params).step()
    for param, array in zip(params, wanted, strict=True):
        rounded = torch.from_numpy(array).bfloat16()
        torch.testing.assert_close(param.detach(), rounded, rtol=2**-8, atol=0)


def test_the_routes_show_matrices() -> None:
    held, _ = drawn(1)
    params = [torch.from_numpy(array).requires_grad_() for array in held.values()]
    routes = made("Beside", params).routing()
    assert [one.updated for one in routes] == ["matrix"] * 4 + ["fallback"] * 2
    assert [one.view for one in routes][:4] == ["3 x 5", "6 x 4", "2 of 4 x 3", "3 x 5"]
    assert (routes[2].matrices, routes[2].rows, routes[2].columns) == (2, 4, 3)
    assert "2 of 4 x 3" in str(routes)


needs_bfloat16 = pytest.mark.skipif(
    not matrix_library.has_bfloat16(), reason="this CPU doesn't multiply bfloat16"
)


@needs_bfloat16
def test_products_in_bfloat16_are_those_of_torchs_own_class() -> None:
    """torch's class rounds what is between products too."""
    draw = torch.Generator().manual_seed(4)
    for shape in ((24, 40), (40, 24)):
        ours, theirs = (torch.zeros(shape, requires_grad=True) for _ in range(2))
        ours.grad = theirs.grad = torch.randn(shape, generator=draw)
        optimizer_class(package().Halved)([ours], lr=1.0).step()
        arguments: dict[str, Any] = {"momentum": 0.95, "nesterov": False, "ns_steps": 5}
        published: Any = torch.optim.Muon([theirs], lr=1.0, weight_decay=0, **arguments)
        published.step()
        unit, scale = 2.0**-8, max(1, shape[0] / shape[1]) ** 0.5
        error = (scale * ours.detach() - theirs.detach()).norm() / theirs.detach().norm()
        assert error < 10 * unit
        exact = torch.zeros(shape, requires_grad=True)
        exact.grad = ours.grad
        optimizer_class(package().Ortho)([exact], lr=1.0).step()
        difference = (ours.detach() - exact.detach()).norm() / exact.detach().norm()
        assert unit / 20 < difference < 10 * unit


@needs_bfloat16
@pytest.mark.parametrize("turned", [False, True])
def test_a_product_in_bfloat16(turned: bool) -> None:
    draw = torch.Generator().manual_seed(4)
    left = torch.randn((2, 5, 7), generator=draw)
    right = left.mT if turned else torch.randn((2, 7, 5), generator=draw)
    out = torch.empty(2, 5, 5)
    matrix_library.in_bfloat16(left, right, out)
    rounded = left.bfloat16().double() @ right.bfloat16().double()
    torch.testing.assert_close(out.double(), rounded, rtol=2**-7, atol=1e-5)
    assert not torch.equal(out, left @ right)


@needs_bfloat16
@pytest.mark.parametrize("sizes", [(2, 5, 7), (1, 300, 280)])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("is_inner", [False, True])
def test_a_sum_in_bfloat16(sizes: tuple[int, int, int], turned: bool, is_inner: bool) -> None:
    """Of small matrices at once and of large ones, in memory in either order."""
    count, rows, columns = sizes
    draw = torch.Generator().manual_seed(4)
    left = torch.randn((count, rows, rows), generator=draw)
    right = torch.randn((count, rows, columns), generator=draw)
    if turned:
        right = right.mT.contiguous().mT
    room = torch.empty(count, columns, rows).mT if turned else torch.empty(right.shape)
    flat = room.mT if turned else room
    inner = matrix_library.inner(flat)
    out = (inner.mT if turned else inner) if is_inner else room
    matrix_library.add_in_bfloat16(left, right, out, right, 0.5, -3.0)
    product = 0.5 * (left.bfloat16().double() @ right.bfloat16().double())
    exact, rounding = product - 3 * right.bfloat16(), float(product.abs().max()) * 2**-8
    assert out.dtype is (torch.bfloat16 if is_inner else torch.float32)
    torch.testing.assert_close(out.double(), exact, rtol=2**-7, atol=rounding)


def test_a_sum_in_the_type_of_the_variables() -> None:
    draw = torch.Generator().manual_seed(4)
    left, right = (torch.randn((1, 2, 5, 5), generator=draw).double() for _ in range(2))
    out, wanted = torch.empty_like(left), 2 * (left @ right) + 0.5 * right
    matrix_library.add(left, right, out, right, 2.0, 0.5)
    torch.testing.assert_close(out, wanted)
    matrix_library.add_in_bfloat16(left, right, out.zero_(), right, 2.0, 0.5)
    torch.testing.assert_close(out, wanted)
    assert matrix_library.inner(out) is out


def test_float64_keeps_its_precision() -> None:
    held, rows = drawn(1, np.float64)
    wanted = expected("Ortho", held, rows)
    params = [torch.from_numpy(array).requires_grad_() for array in held.values()]
    groups = [{"params": params[:-1]}, {"params": params[-1:], "matrix": False}]
    learn(optimizer_class(package().Halved)(groups), params, rows)
    for param, array in zip(params, wanted, strict=True):
        np.testing.assert_allclose(param.detach().numpy(), array, rtol=0, atol=1e-12)


def flattened(**attributes: Any) -> torch.nn.Parameter:
    param = torch.nn.Parameter(torch.ones(12))
    for name, value in attributes.items():
        setattr(param, name, value)
    return param


@pytest.mark.parametrize(
    "attributes", [{"_is_flat_param": True}, {"_fsdp_flattened": True}, {"ds_shape": (3, 4)}]
)
@pytest.mark.parametrize(("find", "name"), [(rule, "Ortho"), (rule_of_extents, "Normed")])
def test_flat_parameters_are_refused(find: Any, name: str, attributes: Any) -> None:
    kind = find(name)
    param = flattened(**attributes)
    with pytest.raises(ValueError, match=r"parameter 0\.1 is a flat part .*fully_shard") as error:
        optimizer_class(kind)([torch.ones(2, 2, requires_grad=True), param])
    assert "'matrix': False" in str(error.value)
    # What is no matrix needs no rows.
    optimizer_class(kind)([{"params": [param], "matrix": False}])
    optimizer_class(package().Ortho)([torch.nn.Parameter(torch.ones(3))])


def test_the_flag_is_that_of_torchs_own_flat_parameters() -> None:
    assert isinstance(flattened(_is_flat_param=True), FlatParameter)


@pytest.fixture
def mesh() -> Iterator[Any]:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0", "RANK": "0", "WORLD_SIZE": "1"}
    store = torch._C._distributed_c10d.HashStore()
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    distributed.destroy_process_group()


@pytest.mark.parametrize("placement", [Replicate(), Shard(0), Shard(1)], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_matrices_of_one_process(mesh: Any, name: str, placement: Any) -> None:
    """Replicas are whole, and parts are gathered; vectors have no second dimension."""
    placements = [[placement if len(shape) > 1 else Replicate()] for shape in SHAPES.values()]
    held, rows = drawn(2)
    plain = [torch.from_numpy(array.copy()).requires_grad_() for array in held.values()]
    shared: list[Any] = [
        distribute_tensor(torch.from_numpy(array), mesh, one).requires_grad_()
        for array, one in zip(held.values(), placements, strict=True)
    ]
    ours, theirs = made(name, shared), made(name, plain)
    learn(theirs, plain, rows)
    for row in rows:
        for param, gradient, one in zip(shared, row, placements, strict=True):
            param.grad = distribute_tensor(torch.from_numpy(gradient), mesh, one)
        ours.step()
    for one, other in zip(shared, plain, strict=True):
        assert torch.equal(one.to_local(), other)
