"""States keep their storage in files and stores, and are converted only where that is wanted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from ml_dtypes import bfloat16
from safetensors import safe_open

from optgen.optimizers import SGD, Adam, LossScaleOptimizer
from optgen.runtime import Array
from optgen.runtime.state import file
from optgen.runtime.state.snapshot import Snapshot, StateError
from optgen.runtime.state.store import get, put
from tests.runtime.state.test_resume import WAYS, bits, train

pytestmark = pytest.mark.usefixtures("python_kernels")
ROOT = Path(__file__).parents[3]
MIXED = {"*": "bfloat16", "dense/*": "float16", "momentum_buffer": "float32"}
STORAGES: list[Any] = ["bfloat16", "float16", MIXED]
SHAPES = {"scale": (), "dense/kernel": (7, 5), "dense/bias": (5,), "empty": (0, 3)}
VARIABLES = [bfloat16, np.float16, np.float32, np.float64]


def variables() -> dict[str, Array]:
    draw = np.random.default_rng(2)
    pairs = zip(SHAPES.items(), VARIABLES, strict=True)
    return {path: np.asarray(draw.normal(size=shape)).astype(d) for (path, shape), d in pairs}


def gradients(calls: int) -> list[dict[str, Array]]:
    draw = np.random.default_rng(3)
    return [
        {p: np.asarray(draw.normal(size=a.shape)).astype(a.dtype) for p, a in variables().items()}
        for _ in range(calls)
    ]


@pytest.mark.parametrize("storage", STORAGES, ids=str)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_run_goes_on_bit_by_bit(way: Any, storage: Any, tmp_path: Path) -> None:
    def make() -> Any:
        return SGD(momentum=0.9, use_ema=True, gradient_accumulation_steps=3, state_dtype=storage)

    held, rows = variables(), gradients(10)
    optimizer = make()
    optimizer.build(held)
    train(optimizer, rows[:5])
    other, copied = way(optimizer, make, held, tmp_path)
    assert bits(copied, other) == bits(held, optimizer)
    for path, states in optimizer.state.items():
        assert {n: s.dtype for n, s in states.items()} == {
            n: s.dtype for n, s in other.state[path].items()
        }
    train(optimizer, rows[5:])
    train(other, rows[5:])
    assert bits(copied, other) == bits(held, optimizer)


RUN = """
import hashlib, sys
import numpy as np
from ml_dtypes import bfloat16
from optgen.optimizers import Adam

draw = np.random.default_rng(0)
shapes = [(300, 200), (7,), (50_001,)]
def some():
    return [np.asarray(draw.normal(size=shape)).astype(bfloat16) for shape in shapes]
def make(variables):
    optimizer = Adam(0.1, global_clipnorm=1.0, state_dtype="bfloat16")
    optimizer.build(variables)
    return optimizer
variables = some()
optimizer = make(variables)
for _ in range(2):
    optimizer.apply(some())
optimizer.save(sys.argv[1])
others = [array.copy() for array in variables]
again = make(others)
again.load(sys.argv[1])
row = some()
for one in (optimizer, again):
    one.apply(row)
for held, one in ((variables, optimizer), (others, again)):
    arrays = [*held, *one.variables]
    print(hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest())
"""


def test_a_run_goes_on_in_any_number_of_threads(tmp_path: Path) -> None:
    found = set()
    for threads in ("1", "2", "4"):
        command = [sys.executable, "-c", RUN, str(tmp_path / threads)]
        environment = {**os.environ, "NUMBA_NUM_THREADS": threads}
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=True)
        found |= {*done.stdout.split()}
    assert len(found) == 1


def built(storage: Any, dtype: Any = np.float32, **given: Any) -> tuple[Any, dict[str, Array]]:
    draw = np.random.default_rng(4)
    held = {path: draw.normal(size=3).astype(dtype) for path in ("a", "b")}
    optimizer = Adam(state_dtype=storage, **given)
    optimizer.build(held)
    optimizer.apply({path: draw.normal(size=3).astype(dtype) for path in held})
    return optimizer, held


def of(optimizer: Any, name: str) -> list[Any]:
    return [states[name].tolist() for states in optimizer.state.values()]


def test_another_storage_is_refused_and_converted_on_demand(tmp_path: Path) -> None:
    saved, _ = built(None)
    other, _ = built({"mean_gradient": "bfloat16"})
    before = {name: of(other, name) for name in ("mean_gradient", "velocity")}
    saved.save(tmp_path / "a.state")
    with pytest.raises(StateError, match=r"'a' is float32 .* not bfloat16 .*convert=True") as told:
        other.load(tmp_path / "a.state")
    assert "velocity" not in str(told.value)
    assert {name: of(other, name) for name in before} == before
    wide = [np.array(one, np.float32) for one in of(saved, "mean_gradient")]
    expected = [one.astype(bfloat16).tolist() for one in wide]
    with pytest.warns(UserWarning, match=r"mean_gradient of 2 variables from float32 to bfloat16$"):
        other.load(tmp_path / "a.state", convert=True)
    assert of(other, "mean_gradient") == expected
    assert of(other, "velocity") == of(saved, "velocity")
    with warnings.catch_warnings():
        # Nothing is rounded on the way back.
        warnings.simplefilter("error")
        other.save(tmp_path / "b.state")
        saved.load(tmp_path / "b.state", convert=True)
    assert of(saved, "mean_gradient") == expected


def test_a_warning_that_is_an_error_changes_nothing(tmp_path: Path) -> None:
    saved, _ = built(None)
    other, _ = built("float16", beta_1=0.5)
    before = of(other, "velocity")
    saved.save(tmp_path / "a.state")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="was rounded"):
            other.load(tmp_path / "a.state", convert=True)
    assert of(other, "velocity") == before
    assert other.beta_1 == 0.5


def test_conversion_mends_nothing_else(tmp_path: Path) -> None:
    saved, _ = built(None)
    saved.save(tmp_path / "a.state")
    other, _ = built("bfloat16", amsgrad=True)
    for convert in (False, True):
        with pytest.raises(StateError, match="has no state") as told:
            other.load(tmp_path / "a.state", convert=convert)
        assert "convert=True" not in str(told.value)


def test_variables_may_have_another_dtype_too() -> None:
    saved, _ = built(None)
    other, _ = built(None, bfloat16)
    store: dict[str, Any] = {}
    saved.save_own_variables(store)
    with pytest.raises(StateError, match=r"'a' is float32 .* not bfloat16 .*convert=True"):
        other.load_own_variables(store)
    other.load_own_variables(store, convert=True)
    assert of(other, "velocity") == of(saved, "velocity")


def test_a_scaled_optimizer_converts_too(tmp_path: Path) -> None:
    one, other = (
        LossScaleOptimizer(Adam(state_dtype=storage), initial_scale=8.0)
        for storage in (None, "bfloat16")
    )
    for optimizer in (one, other):
        optimizer.build([np.ones(3, np.float32)])
    one.apply([np.full(3, 0.3, np.float32)])
    one.save(tmp_path / "a.state")
    with pytest.raises(StateError, match="convert=True"):
        other.load(tmp_path / "a.state")
    with pytest.warns(UserWarning, match="mean_gradient of 1 variable from float32 to bfloat16"):
        other.load(tmp_path / "a.state", convert=True)
    assert other.iterations == 1


RECORD = np.dtype([("scale", "<f4"), ("digits", "u1", (3,))])


def records() -> Snapshot:
    draw = np.random.default_rng(5)
    array = np.zeros((2, 4), RECORD)
    array["scale"], array["digits"] = draw.normal(size=(2, 4)), draw.integers(256, size=(2, 4, 3))
    held = {
        ("a", "blocks"): array,
        ("a", "none"): np.zeros((0,), RECORD),
        ("b", "half"): np.arange(6).astype(bfloat16).reshape(2, 3),
        ("b", "scalar"): np.asarray(0.5).astype(bfloat16),
    }
    return Snapshot("Rule", "abc", {}, {"calls": 1}, {"a": ((8,), "bfloat16")}, held)


def assert_same(found: Mapping[Any, Array], expected: Mapping[Any, Array]) -> None:
    assert list(found) == list(expected)
    for key, array in expected.items():
        one = found[key]
        assert (one.dtype, one.shape) == (array.dtype, array.shape)
        assert one.tobytes() == array.tobytes()


def test_records_and_halves_come_back_from_files_and_stores(tmp_path: Path) -> None:
    written = records()
    file.write(written, tmp_path / "a.state")
    assert_same(file.read(tmp_path / "a.state").arrays, written.arrays)
    with h5py.File(tmp_path / "a.h5", "w") as store:
        put(written, store)
    with h5py.File(tmp_path / "a.h5") as store:
        assert_same(get(store).arrays, written.arrays)


def test_files_without_records_have_the_first_format(tmp_path: Path) -> None:
    """So that earlier versions read them, and files of theirs are read here."""
    saved, _ = built("bfloat16")
    saved.save(tmp_path / "a.state")
    with safe_open(tmp_path / "a.state", framework="numpy") as found:
        assert json.loads(found.metadata()["optgen"])["format"] == 1
    file.write(records(), tmp_path / "b.state")
    with safe_open(tmp_path / "b.state", framework="numpy") as found:
        assert json.loads(found.metadata()["optgen"])["format"] == 2
