"""Numbers on updates beside NumPy's, from the variables before and after a step."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_dtypes import bfloat16

import optgen

pytestmark = pytest.mark.usefixtures("python_kernels")
Array = np.ndarray[Any, np.dtype[Any]]
#: Several blocks and a part of one; of one element; of none.
SHAPES = {"kernel": (37, 41), "bias": (5,), "one": (), "nothing": (0,)}
#: Stretches of elements are added up in the type of the parameter.
TOLERANCES = {"float32": 2e-6, "float64": 1e-12, "bfloat16": 2e-6}


@cache
def optimizer() -> Any:
    return optgen.compile("adam", "update_statistics")


def drawn(dtype: Any, seed: int) -> dict[str, Array]:
    draw = np.random.default_rng(seed)
    made = {name: np.asarray(draw.normal(size=shape)) for name, shape in SHAPES.items()}
    return {name: array.astype(dtype) for name, array in made.items()}


def expected(old: Array, new: Array, grad: Array) -> dict[str, float]:
    # Of what hasn't moved there is no angle.
    before, after, slope = (one.astype(np.float64).ravel() for one in (old, new, grad))
    moved = after - before
    size, length, slopes = (float(np.linalg.norm(v)) for v in (after, moved, slope))
    return {
        "gradient_norm": slopes,
        "param_norm": size,
        "update_norm": length,
        "overlap": float(slope @ moved),
        "unmoved": float(np.mean(moved == 0)),
        "largest_update": float(np.max(np.abs(moved))),
        "relative_update": length / size,
        "cosine": float(np.divide(slope @ moved, slopes * length)),
    }


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize(
    ("dtype", "rounding"),
    [
        (np.float64, "nearest"),
        (bfloat16, "nearest"),
        pytest.param(np.float32, "nearest", marks=pytest.mark.compiled),
        pytest.param(bfloat16, "stochastic", marks=pytest.mark.compiled),
    ],
)
def test_the_numbers_are_those_of_the_arrays(dtype: Any, rounding: str) -> None:
    variables = drawn(dtype, 0)
    made = optimizer()(2e-3, weight_decay=0.1, statistics_every=1, rounding=rounding)
    made.build(variables)
    tolerance = TOLERANCES[np.dtype(dtype).name]
    for step in range(3):
        old, gradients = {n: v.copy() for n, v in variables.items()}, drawn(dtype, 1 + step)
        made.apply(gradients)
        found = made.statistics()
        for name in SHAPES.keys() - {"nothing"}:
            wanted = expected(old[name], variables[name], gradients[name])
            assert found[name] == pytest.approx(wanted, rel=tolerance, abs=tolerance, nan_ok=True)


def test_some_elements_stand_still_in_half_precision() -> None:
    variables = {"w": np.linspace(0.001, 8, 1000).astype(bfloat16)}
    old = variables["w"].copy()
    made = optimizer()(1e-3, statistics_every=1)
    made.apply({"w": np.ones(1000, bfloat16)}, variables)
    share = float(np.mean(old == variables["w"]))
    assert 0.1 < share < 0.99
    assert made.statistics()["w"]["unmoved"] == pytest.approx(share, abs=1e-9)


def test_the_gradient_is_that_before_clipping() -> None:
    weights = np.zeros(4, np.float32)
    made = optimizer()(1e-3, statistics_every=1, clipnorm=0.5, gradient_accumulation_steps=2)
    for value in (2.0, 4.0):
        made.apply([np.full(4, value, np.float32)], [weights])
    assert made.statistics()["variable_0"]["gradient_norm"] == pytest.approx(6.0)


def test_groups_have_the_numbers_of_their_variables_together() -> None:
    variables, gradients = drawn(np.float64, 0), drawn(np.float64, 1)
    made = optimizer()(2e-3, statistics_every=1)
    old = {n: v.copy() for n, v in variables.items()}
    made.apply(gradients, variables)
    found = made.statistics({"all": ["*"], "small": ["bias", "one"], "none": []})
    for name, members in (("all", list(SHAPES)), ("small", ["bias", "one"])):
        joined = ([np.ravel(some[m]) for m in members] for some in (old, variables, gradients))
        wanted = expected(*(np.concatenate(some) for some in joined))
        assert found[name] == pytest.approx(wanted, rel=1e-12)
    assert found["none"] == {}


def test_they_are_kept_every_so_many_updates() -> None:
    weights = np.zeros(3)
    made = optimizer()(0.1, statistics_every=3)
    norms = []
    for step in range(7):
        made.apply([np.full(3, 1.0 + step)], [weights])
        norms.append(made.statistics()["variable_0"]["gradient_norm"] / np.sqrt(3))
    assert norms == pytest.approx([1, 1, 1, 4, 4, 4, 7])


def test_updates_are_the_same_with_and_without_them() -> None:
    runs = []
    for every in (None, 1, 2):
        variables = drawn(np.float32, 0)
        made = optimizer()(2e-3, statistics_every=every, weight_decay=0.1, use_ema=True)
        made.build(variables)
        for step in range(3):
            made.apply(drawn(np.float32, 1 + step))
        runs.append({**variables, "mean": made.state["kernel"]["mean_gradient"]})
        assert bool(made.statistics()) == (every is not None)
    for other in runs[1:]:
        assert all((other[name] == array).all() for name, array in runs[0].items())


def test_files_and_copies_are_without_them(tmp_path: Path) -> None:
    weights, path = np.ones(3), tmp_path / "run.safetensors"
    made = optimizer()(0.1, statistics_every=1)
    made.apply([np.ones(3)], [weights])
    assert [*made.state["variable_0"]] == ["mean_gradient", "velocity"]
    made.save(path)
    plain = optgen.compile("adam")(0.1)
    plain.build([weights])
    other = optimizer()(0.1, statistics_every=1)
    other.build([weights])
    other.load(path)
    assert other.state["variable_0"]["velocity"] == pytest.approx(0.001)
    assert optimizer()(0.1).statistics() == {} == plain.statistics()
