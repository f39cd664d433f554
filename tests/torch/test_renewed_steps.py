"""Steps, as torch's device-generic tests check them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from tests.torch.renewed import (
    INFOS,
    Line,
    Options,
    Tensor,
    cases,
    close,
    every,
    flags,
    kind_of,
    train,
)

#: The classes whose gradients torch lets be sparse, and those of complex parameters.
SPARSE = [name for name, info in INFOS.items() if info.supports_sparse]
COMPLEX = [name for name, info in INFOS.items() if info.supports_complex]


@every
@pytest.mark.parametrize("with_gaps", flags)
def test_the_loss_goes_where_it_should(name: str, with_gaps: bool) -> None:
    for options in cases(name):
        line = Line.of(name, with_gaps=with_gaps)
        train(kind_of(name)(line.params, **options), line.backward, (), options)


@every
@pytest.mark.parametrize("with_gaps", flags)
def test_it_does_with_schedulers(name: str, with_gaps: bool) -> None:
    for makers in INFOS[name].scheduler_inputs:
        line = Line.of(name, with_gaps=with_gaps)
        train(kind_of(name)(line.params), line.backward, makers, {})


@every
def test_it_does_in_groups(name: str) -> None:
    for makers in INFOS[name].scheduler_inputs:
        one, other = Line(has_bias=False), Line(has_bias=False)
        groups = [{"params": [one.weight]}, {"params": [other.weight], "lr": 0.01}]
        both = _both(one, other)
        train(kind_of(name)(groups), both, makers, {})


@every
def test_groups_have_decays_of_their_own(name: str) -> None:
    for options in cases(name):
        one, other = Line(has_bias=False), Line(has_bias=False)
        groups: list[Options] = [
            {"params": [one.weight], **options},
            {"params": [other.weight], **options, "weight_decay": 0.0},
        ]
        train(kind_of(name)(groups), _both(one, other), (), options)


@every
def test_groups_have_rates_of_their_own(name: str) -> None:
    for options in cases(name):
        options["lr"] = options.get("lr") or 1e-3
        line, idle = Line.of(name), torch.nn.Parameter(torch.randn(2, 2))
        idle.grad, before = torch.rand_like(idle), idle.detach().clone()
        optimizer = kind_of(name)(
            [{"params": line.params, **options}, {"params": [idle]}], lr=1e-28
        )
        train(optimizer, line.backward, (), options)
        # Torch's Rprop has a smallest size of steps, which grows while the sign stays.
        if name != "Rprop":
            close(idle.detach(), before)


def _both(one: Line, other: Line) -> Any:
    return lambda: one.backward() + other.backward()


@every
@pytest.mark.parametrize("dimensions", [0, 1, 2])
def test_a_rate_may_be_a_tensor(name: str, dimensions: int) -> None:
    for options in cases(name):
        line = Line.of(name)
        same = copy.deepcopy(line)
        plain = kind_of(name)(line.params, **{**options, "lr": 1e-3})
        rate = torch.tensor(1e-3).reshape([1] * dimensions)
        optimizer = kind_of(name)(same.params, **{**options, "lr": rate})
        for _ in range(3):
            line.backward()
            same.backward()
            plain.step()
            optimizer.step()
        close(same.params, line.params)


@every
def test_nothing_happens_without_gradients(name: str) -> None:
    params = [torch.randn(2, 3) for _ in range(2)]
    before = copy.deepcopy(params)
    for options in cases(name):
        kind_of(name)(params, **options).step(lambda: torch.tensor([1.0]))
        close(params, before)


@every
def test_gradients_of_zero_change_nothing_and_are_only_read(name: str) -> None:
    # A decay that is on by default, times a rate, is below the tolerance.
    rate = {"lr": 1e-5} if name in ("AdamW", "ASGD", "Muon") else {}
    for options in cases(name):
        param = torch.randn((5, 1), requires_grad=True)
        before = param.detach().clone()
        param.grad = torch.zeros_like(param)
        version = param.grad._version
        kind_of(name)([param], **options | rate).step()
        assert param.grad._version == version
        assert not param.grad.any()
        if not options.get("weight_decay"):
            close(param.detach(), before)


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize("name", SPARSE)
def test_sparse_gradients_are_the_dense_ones_of_torch(name: str) -> None:
    updates, makers = INFOS[name].metadata_for_sparse
    for case in cases(name):
        options = {**case, **updates, "fused": None}
        kinds = (kind_of(name), INFOS[name].optim_cls, INFOS[name].optim_cls)
        params = [torch.nn.Parameter(torch.tensor([1.5, 1.5])) for _ in kinds]
        optimizers = [kind([param], **options) for kind, param in zip(kinds, params, strict=True)]
        schedulers = [makers[0](optimizer) for optimizer in optimizers]
        # Torch's class adds a decay to dense gradients only.
        sparse = (True, False, not options["weight_decay"])
        for call in range(50):
            for param, is_sparse in zip(params, sparse, strict=True):
                _coordinate(param, call % 2, is_sparse=is_sparse)
            for each in (*optimizers, *schedulers):
                each.step()
            close(params[0], params[1], atol=5e-6, rtol=5e-6)
            close(params[0], params[2], atol=5e-6, rtol=5e-6)


def _coordinate(param: Any, axis: int, *, is_sparse: bool) -> None:
    """One derivative of Rosenbrock's function as the gradient, or as the sum of two entries."""
    x, y = param.detach()
    both = torch.stack((-400 * x * (y - x**2) - 2 * (1 - x), 200 * (y - x**2)))
    value = both[axis].clamp(-50, 50)
    param.grad = torch.zeros(2)
    param.grad[axis] = value
    if is_sparse:
        places, parts = torch.tensor([[axis, axis]]), torch.stack([value / 4, value - value / 4])
        param.grad = torch.sparse_coo_tensor(places, parts, (2,), check_invariants=True)


@every
def test_every_class_takes_sparse_gradients(name: str) -> None:
    """Torch's classes besides these refuse them."""
    found = []
    for is_sparse in flags:
        param = torch.nn.Embedding(5, 3, sparse=is_sparse, _weight=torch.ones(5, 3))
        optimizer = kind_of(name)(param.parameters())
        for _ in range(2):
            optimizer.zero_grad()
            (param(torch.tensor([1, 3, 1])) ** 2).sum().backward()
            optimizer.step()
        found.append(param.weight.detach())
    close(*found, rtol=0, atol=0)


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_parameters_are_pairs_of_real_ones(name: str) -> None:
    for options in cases(name):
        params = [
            torch.randn(10, 5, dtype=torch.complex64, requires_grad=True),
            torch.randn(10, dtype=torch.complex128, requires_grad=True),
            torch.randn(10, 5, requires_grad=True),
        ]
        real = [_pairs(param).clone().requires_grad_() for param in params]
        both = [kind_of(name)(some, **options) for some in (params, real)]
        for _ in range(3):
            for param, other in zip(params, real, strict=True):
                param.grad = torch.randn_like(param)
                other.grad = _pairs(param.grad)
            for optimizer in both:
                optimizer.step()
        for param, other in zip(params, real, strict=True):
            close(_pairs(param), other.detach(), rtol=0, atol=0)


def _pairs(tensor: Tensor) -> Tensor:
    plain = tensor.detach()
    return torch.view_as_real(plain) if plain.is_complex() else plain


@every
def test_parameters_and_states_are_torch_s(name: str) -> None:
    """Also where a layer is frozen for a while, and no gradient is there."""
    for options in cases(name):
        options.pop("fused", None)
        sides = []
        for kind in (INFOS[name].optim_cls, kind_of(name)):
            torch.manual_seed(1)
            shapes = [(3, 2), (1, 3)] if name in ("Muon",) else [(3, 2), (3,), (), (1, 3)]
            params = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
            sides.append((kind(params, **copy.deepcopy(options)), params))
        for number in range(7):
            # Torch's product of matrices is in half precision.
            loose: Options = {"rtol": 2e-3, "atol": 2e-3} if name in ("Muon",) else {}
            torch.manual_seed(number)
            for place, pair in enumerate(zip(sides[0][1], sides[1][1], strict=True)):
                gradient = torch.randn(pair[0].shape, dtype=torch.float64)
                for param in pair:
                    has_none = number == 2 or (place == 0 and number in (3, 4))
                    param.grad = None if has_none else gradient.clone()
            for optimizer, _ in sides:
                optimizer.step()
            for theirs, ours in zip(sides[0][1], sides[1][1], strict=True):
                close(ours, theirs, **loose)
                for key, value in sides[0][0].state[theirs].items():
                    if isinstance(value, Tensor):
                        close(sides[1][0].state[ours][key].to(value.dtype), value, **loose)
                ours.copy_(theirs)


@pytest.mark.parametrize("name", ["Adam", "AdamW", "SGD"])
def test_parameters_without_memory_are_refused_until_they_have_some(name: str) -> None:
    with torch.device("meta"):
        model = torch.nn.Linear(2, 3)
    optimizer = kind_of(name)(model.parameters(), fused=True)
    for param in model.parameters():
        param.grad = torch.rand_like(param)
    with pytest.raises(RuntimeError, match="`fused=True` requires all the params to be floating"):
        optimizer.step()
    model.to_empty(device="cpu")
    optimizer.param_groups[0]["params"] = list(model.parameters())
    for param in model.parameters():
        torch.nn.init.ones_(param)
        param.grad = torch.rand_like(param)
    optimizer.step()
    assert (model.weight < 1).all()
