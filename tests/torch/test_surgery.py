"""Parameters that grow, shrink and begin anew, beside torch's classes changed by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import optgen.torch as fused
from tests.torch.training import assert_equal, params_of, run, values

Tensor = torch.Tensor
KEPT = torch.tensor([True, False, True, True, False, True, True, True])


def by_hand(optimizer: Any, old: Tensor, new: Tensor, change: Callable[[Tensor], Tensor]) -> None:
    """What training code does with torch's classes; dimensions of 1 hold numbers of other rows."""
    state = optimizer.state.pop(old)
    for name, value in state.items():
        if value.ndim and value.shape[0] == old.shape[0]:
            state[name] = change(value)
    optimizer.state[new] = state
    for group in optimizer.param_groups:
        group["params"] = [new if param is old else param for param in group["params"]]


def longer(old: Tensor, by: int) -> Tensor:
    return torch.cat([old, torch.zeros(by, *old.shape[1:], dtype=old.dtype)])


def without(old: Tensor, rows: list[int]) -> Tensor:
    return old.index_fill(0, torch.tensor(rows), 0)


def changed(module: Any, name: str) -> list[Tensor]:
    """Six rows become eight and then six, and two of these begin anew."""
    first, other = params_of((6, 4), (5,))
    named = [("points", torch.nn.Parameter(first.detach())), ("bias", other)]
    optimizer = getattr(module, name)(named, lr=0.1, **({"momentum": 0.9} if name == "SGD" else {}))
    params = [param for _, param in named]
    run(optimizer, params, range(2))
    more = torch.nn.Parameter(torch.cat([params[0].detach(), torch.ones(2, 4)]))
    if module is fused:
        assert optimizer.grow("points", more) is more
    else:
        by_hand(optimizer, params[0], more, lambda old: longer(old, 2))
    run(optimizer, [more, other], range(2, 4))
    if module is fused:
        fewer = optimizer.prune(more, KEPT)
    else:
        fewer = torch.nn.Parameter(more.detach()[KEPT])
        by_hand(optimizer, more, fewer, lambda old: old[KEPT])
    run(optimizer, [fewer, other], range(4, 6))
    if module is fused:
        optimizer.reset("points", [0, 3])
    else:
        by_hand(optimizer, fewer, fewer, lambda old: without(old, [0, 3]))
    run(optimizer, [fewer, other], range(6, 8))
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["points", "bias"]
    assert {*map(id, optimizer.state)} == {id(fewer), id(other)}
    return values([fewer, other])


@pytest.mark.parametrize("name", ["Adam", "SGD", "Adafactor"])
def test_rows_come_and_go_as_with_torchs_classes(name: str) -> None:
    ours, theirs = changed(fused, name), changed(torch.optim, name)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "bfloat16 states": {"state_dtype": "bfloat16"},
    "averages": {"use_ema": True},
    "sums of gradients": {"gradient_accumulation_steps": 2},
    "remainders": {"rounding": "split"},
}


@pytest.mark.compiled
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("dim", [0, 1])
def test_old_rows_go_on_as_if_nothing_had_been_added(options: Any, dim: int) -> None:
    """Where elements are independent, rows that were added and pruned leave no trace."""
    dtype = torch.bfloat16 if "rounding" in options else torch.float32
    alone, grown = (params_of((4, 5), dtype=dtype)[0] for _ in range(2))
    optimizers = [fused.Adam([param], lr=0.05, **options) for param in (alone, grown)]
    generator = torch.Generator().manual_seed(0)
    count = grown.shape[dim]
    kept = range(count)
    for number in range(9):
        gradient = torch.randn(4, 5, generator=generator).to(dtype)
        alone.grad = gradient
        grown.grad = torch.ones_like(grown)
        grown.grad.narrow(dim, 0, count).copy_(gradient)
        for optimizer in optimizers:
            optimizer.step()
        if number == 2:
            more = torch.cat([grown.detach(), grown.detach().narrow(dim, 0, 2)], dim)
            grown = optimizers[1].grow(grown, more.requires_grad_(), dim)
        if number == 6:
            grown = optimizers[1].prune(grown, kept, dim)
    assert_equal([alone], [grown])
    ours, theirs = optimizers[1].state[grown], optimizers[0].state[alone]
    assert ours.keys() == theirs.keys()
    assert_equal([*(ours[name] for name in theirs)], [*theirs.values()])


def test_new_rows_begin_as_in_a_new_optimizer() -> None:
    (param,) = params_of((3, 4))
    optimizer = fused.Adam([param], use_ema=True)
    run(optimizer, [param], range(3))
    more = torch.cat([param.detach(), torch.full((2, 4), 7.0)]).requires_grad_()
    optimizer.grow(param, more)
    state = optimizer.state[more]
    assert not state["exp_avg"][3:].any()
    assert not state["exp_avg_sq"][3:].any()
    (average,) = (v for v in state.values() if v.shape == more.shape and v[3:].all())
    assert_equal([average[3:]], [more.detach()[3:]])
    assert float(state["step"]) == 3


@pytest.mark.compiled
@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_states_with_codes_are_decoded_and_encoded(kind: str) -> None:
    """Blocks that hold the same elements as before keep their codes; others are rounded again."""
    (param,) = params_of((200, 64))
    optimizer = fused.Adam([param], state_dtype=kind)
    run(optimizer, [param], range(3))
    before = {name: value.clone() for name, value in optimizer.state[param].items()}
    more = longer(param.detach(), 9).requires_grad_()
    optimizer.grow(param, more)
    for name in ("exp_avg", "exp_avg_sq"):
        after = optimizer.state[more][name]
        assert after.dtype is torch.uint8
        assert torch.equal(after[:200, 4:], before[name][:, 4:])
        assert not after[200:, 4:].any()
    fewer = optimizer.prune(more, torch.arange(0, 200, 2))
    for name in ("exp_avg", "exp_avg_sq"):
        assert torch.equal(optimizer.state[fewer][name][:, 4:], before[name][::2, 4:])
    run(optimizer, [fewer], range(3, 4))


@pytest.mark.compiled
def test_columns_of_codes_that_move_are_rounded_again() -> None:
    (param,) = params_of((100, 64))
    plain = param.detach().clone().requires_grad_()
    pairs = [(fused.Adam([param], state_dtype="int8"), param), (fused.Adam([plain]), plain)]
    found = []
    for optimizer, own in pairs:
        run(optimizer, [own], range(3))
        # 60 columns: each block has parts of two rows.
        fewer = optimizer.prune(own, range(60), dim=1)
        run(optimizer, [fewer], range(3, 5))
        found.append(fewer.detach())
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0.0005)


def test_all_states_of_a_parameter_begin_anew() -> None:
    params, others = params_of((3, 4), (5,)), params_of((3, 4), (5,))
    one, other = fused.Adam(params), torch.optim.Adam(others)
    run(one, params, range(3))
    run(other, others, range(3))  # type: ignore[arg-type]
    one.reset(params[0])
    other.state.pop(others[0])
    assert params[0] not in one.state
    run(one, params, range(3, 5))
    run(other, others, range(3, 5))  # type: ignore[arg-type]
    torch.testing.assert_close(params, others, rtol=1e-5, atol=1e-6)


def test_a_parameter_of_the_same_shape_takes_all_states() -> None:
    (param,) = params_of((3, 4))
    optimizer = fused.Adam([param])
    run(optimizer, [param], range(2))
    moments = [optimizer.state[param][name].clone() for name in ("exp_avg", "exp_avg_sq")]
    new = param.detach().clone().requires_grad_()
    assert optimizer.replace(param, new) is new
    assert_equal([optimizer.state[new][name] for name in ("exp_avg", "exp_avg_sq")], moments)
    assert optimizer.param_groups[0]["params"] == [new]
    with pytest.raises(ValueError, match=r"has shape \(3,\), and \(3, 4\) would fit the old"):
        optimizer.replace(new, torch.zeros(3))


def test_before_the_first_step_there_is_nothing_to_keep() -> None:
    (param,) = params_of((3, 4))
    optimizer = fused.Adam([param])
    more = longer(param.detach(), 1).requires_grad_()
    optimizer.grow(param, more)
    optimizer.reset(more)
    assert not optimizer.state
    run(optimizer, [more], range(1))
    assert float(optimizer.state[more]["step"]) == 1


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_vectors_of_rows_and_columns_are_cut_along_their_dimensions(dim: int) -> None:
    """Rows are those of the first dimension, columns the elements of the others."""
    (param,) = params_of((4, 3, 5))
    optimizer = fused.SM3([param])
    rows, columns = torch.rand(4), torch.rand(3, 5)
    own = {"row_bound": rows.double(), "column_bound": columns.double().flatten()}
    optimizer.state[param] = {"step": 3, "mean_change": torch.rand(4, 3, 5), **own}
    keep = torch.tensor([2, 0])
    fewer = optimizer.prune(param, keep, dim)
    grown = [*fewer.shape]
    grown[dim] = 3
    more = torch.zeros(grown).requires_grad_()
    optimizer.grow(fewer, more, dim)
    if dim == 0:
        rows = torch.cat([rows[keep], torch.zeros(1)])
    else:
        kept = columns.index_select(dim - 1, keep)
        columns = torch.cat([kept, torch.zeros_like(kept).narrow(dim - 1, 0, 1)], dim - 1)
    state = optimizer.state[more]
    torch.testing.assert_close(state["row_bound"].float(), rows)
    torch.testing.assert_close(state["column_bound"].float(), columns.flatten())
    assert float(state["step"]) == 3


def test_states_that_mix_rows_are_refused_with_the_way_out() -> None:
    (param,) = params_of((3, 4))
    optimizer = fused.SOAP([("weight", param)])
    optimizer.state[param] = before = {"step": 2, "left_product": torch.eye(3)}
    more = longer(param.detach(), 2).requires_grad_()
    with pytest.raises(ValueError, match=r"mixes the rows .*; call reset\('weight'\) first"):
        optimizer.grow(param, more)
    assert optimizer.param_groups[0]["params"][0] is param
    assert optimizer.state[param] is before
    optimizer.reset("weight")
    optimizer.grow("weight", more)
    sizes = {one.state: one.nbytes for one in optimizer.storage()}
    assert (sizes["left_product"], sizes["right_product"]) == (4 * 5 * 5, 4 * 4 * 4)


REFUSED: dict[str, tuple[Callable[[Any, Tensor], object], type[Exception], str]] = {
    "unknown name": (lambda o, p: o.reset("wieght"), KeyError, "did you mean 'weight'"),
    "stranger": (lambda o, p: o.reset(torch.ones(3)), ValueError, "no such parameter"),
    "no parameter": (lambda o, p: o.reset(3), TypeError, "by its name, not as 3"),
    "fewer": (lambda o, p: o.grow(p, torch.ones(2, 4)), ValueError, "would fit the old one"),
    "wider": (lambda o, p: o.grow(p, torch.ones(4, 5)), ValueError, "would fit the old one"),
    "mask": (lambda o, p: o.prune(p, [True]), IndexError, "has 3 rows along dimension 0, the mask"),
    "rows": (lambda o, p: o.prune(p, [3]), IndexError, "has 3 rows along dimension 0, not all"),
    "numbers": (lambda o, p: o.reset(p, [0.5]), TypeError, "by a mask or numbers, not"),
    "dimension": (lambda o, p: o.reset(p, [0], 2), IndexError, "2 dimensions"),
    "no leaf": (lambda o, p: o.grow(p, torch.cat([p, p])), TypeError, "must be a leaf"),
    "twice": (lambda o, p: o.replace(p, o.param_groups[0]["params"][1]), ValueError, "already"),
    "dtype": (lambda o, p: o.grow(p, torch.ones(4, 4, dtype=torch.int32)), TypeError, "int32"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_changes_nothing(case: Any) -> None:
    do, error, message = case
    params = params_of((3, 4), (3, 4))
    optimizer = fused.Adam([("weight", params[0]), ("other", params[1])])
    run(optimizer, params, range(2))
    before = {name: value.clone() for name, value in optimizer.state[params[0]].items()}
    with pytest.raises(error, match=message):
        do(optimizer, params[0])
    assert [*map(id, optimizer.param_groups[0]["params"])] == [*map(id, params)]
    assert_equal([*optimizer.state[params[0]].values()], [*before.values()])
    run(optimizer, params, range(2, 3))


def test_no_surgery_inside_averages() -> None:
    (param,) = params_of((3, 4))
    optimizer = fused.Adam([param], use_ema=True)
    run(optimizer, [param], range(2))
    with optimizer.averaged(), pytest.raises(RuntimeError, match="inside averaged"):
        optimizer.reset(param, [0])


def test_a_parameter_is_found_by_the_name_of_its_group() -> None:
    """As in code for points that are split and pruned, which has a group for each property."""
    params = params_of((3, 4), (3, 1))
    groups = [{"params": [p], "name": n} for p, n in zip(params, ("place", "height"), strict=True)]
    optimizer = fused.Adam(groups)
    run(optimizer, params, range(1))
    fewer = [optimizer.prune(name, [2, 0]) for name in ("place", "height")]
    assert_equal(fewer, [param.detach()[[2, 0]] for param in params])
    assert all(isinstance(one, Tensor) and one.requires_grad for one in fewer)
    run(optimizer, fewer, range(1, 2))
