"""States with codes on a simulated device: the bits of the CPU's kernels."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import optgen
import optgen.optimizers as oo
from optgen.runtime.cuda.arrays import on_device
from optgen.runtime.parts import Parts
from tests.chosen import first_of
from tests.extents.formulas import SHAPES as FORMS
from tests.runtime.cuda.arrays import Shifted, all_on_device
from tests.runtime.test_shards import RANKS, Exchange, Shards, built, here, parts_of
from tests.simulator.test_graphs import capture  # noqa: F401
from tests.simulator.test_halves import states

pytestmark = pytest.mark.compiled

EVERY_KIND = pytest.mark.parametrize("kind", ["int8", "float8", "int4"])
KINDS = pytest.mark.parametrize("kind", first_of(["int8", "float8", "int4"], 1))
WIDTHS = pytest.mark.parametrize("dtype", first_of([np.float32, np.float64], 1))
SEED = 2**40 + 3
#: Whole blocks, ragged ends, one thread's end, and the first half of a block.
SHAPES: dict[str, tuple[int, ...]] = {"a": (128,), "b": (3, 67), "c": (65,), "d": (30,), "e": (0,)}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, small_chunks: None) -> None:
    """Small variables have codes too, and several chunks, which have whole blocks."""
    monkeypatch.setattr("optgen.runtime.cuda.work_list.LEAST", 64)
    monkeypatch.setattr("optgen.runtime.cuda.work_list.MULTIPLE", 64)
    monkeypatch.setattr("optgen.runtime.state_storage.SMALL", 0)


def draw(seed: int, dtype: Any = np.float32, shapes: Any = None) -> dict[str, Any]:
    """Numbers of few bits, so that kernels compute what they store without rounding."""
    found = np.random.default_rng(seed)
    forms = (SHAPES if shapes is None else shapes).items()
    return {path: (found.integers(-64, 64, shape) / 64).astype(dtype) for path, shape in forms}


def momentum(kind: str, **more: Any) -> Any:
    """Its states are sums of what codes have and gradients."""
    return oo.SGD(0.25, momentum=0.5, state_dtype=kind, rounding_seed=SEED, **more)


def pair(make: Any, **more: Any) -> tuple[Any, Any, dict[str, Any], dict[str, Any]]:
    host = draw(0, **more)
    device = all_on_device(host)
    ours, theirs = make(), make()
    ours.build(device)
    theirs.build(host)
    return ours, theirs, device, host


def step(ours: Any, theirs: Any, row: dict[str, Any]) -> None:
    ours.apply(list(all_on_device(row).values()))
    theirs.apply(row)


def assert_same(ours: Any, theirs: Any, device: dict[str, Any], host: dict[str, Any]) -> None:
    for path, array in host.items():
        np.testing.assert_array_equal(device[path].copy_to_host(), array, err_msg=path)
    for (name, one), (_, other) in zip(states(ours), states(theirs), strict=True):
        found = one.copy_to_host()
        assert found.dtype == other.dtype, name
        assert found.tobytes() == other.tobytes(), name


@EVERY_KIND
@WIDTHS
def test_steps_have_the_bits_of_the_host(kind: Any, dtype: Any) -> None:
    ours, theirs, device, host = pair(lambda: momentum(kind), dtype=dtype)
    assert {own["momentum_buffer"].dtype.names[0] for own in ours.state.values()} == {"unit"}
    for seed in range(1, 4):
        step(ours, theirs, draw(seed, dtype))
        assert_same(ours, theirs, device, host)


@KINDS
def test_numbers_that_are_never_negative(kind: Any) -> None:
    """What states become depends on gradients and states alone."""
    ours, theirs, _, _ = pair(lambda: oo.Adam(0.1, state_dtype=kind, rounding_seed=SEED))
    for seed in range(1, 4):
        row = draw(seed)
        row["a"][7:70] *= 1e-9
        step(ours, theirs, row)
        assert_same(ours, theirs, {}, {})
    codes = {own["velocity"].dtype.names[1] for own in ours.state.values()}
    assert all(name.startswith("u") for name in codes)


@KINDS
@pytest.mark.parametrize("rounding", ["split", "stochastic"])
def test_codes_beside_what_is_rounded_otherwise(kind: Any, rounding: Any) -> None:
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    ours, theirs, device, host = pair(lambda: momentum(kind, rounding=rounding), dtype=bfloat16)
    for seed in range(1, 4):
        step(ours, theirs, draw(seed, bfloat16))
        assert_same(ours, theirs, device, host)


@KINDS
def test_a_block_with_a_number_that_is_not_finite(kind: Any) -> None:
    ours, theirs, _, _ = pair(lambda: momentum(kind), shapes={"a": (192,)})
    row = draw(1, shapes={"a": (192,)})
    row["a"][[3, 70]] = np.nan, np.inf
    step(ours, theirs, row)
    found = ours.state["a"]["momentum_buffer"].copy_to_host()
    assert np.isnan(found["unit"]).tolist() == [True, True, False]
    assert found[2] == theirs.state["a"]["momentum_buffer"][2]


@pytest.mark.parametrize("shift", [4, 8])
def test_memory_off_the_vectors_bounds(shift: int) -> None:
    host, row = draw(1)["b"], draw(2)["b"]
    variable, gradient = Shifted(host, shift), Shifted(row, shift)
    ours, theirs = momentum("int8"), momentum("int8")
    ours.build([variable])
    theirs.build([host])
    ours.apply([gradient])
    theirs.apply([row])
    (name,) = ours.state
    assert_same(ours, theirs, {name: variable}, {name: host})


SPEC = '''
name = "Scaled"
[matrix]
view = "last two"
[hyperparameters]
learning_rate = { default = 0.5, doc = "Step size." }
[state]
total = { doc = "Decaying sum of gradients." }
[update]
rule = """
total = total/2 + grad
if matrix:
    change = learning_rate*total*(1/(1 + row_norm(total)))*(1/(1 + norm(column_sum(grad))))
else:
    change = learning_rate*total
"""
'''


@KINDS
@WIDTHS
def test_rows_of_matrices(kind: Any, dtype: Any) -> None:
    """Rows are whole blocks; others have no codes."""
    shapes = {"one": (5, 64), "wide": (2, 192), "odd": (3, 5)}
    make: Any = optgen.compile(SPEC)
    ours, theirs, _, _ = pair(
        lambda: make(state_dtype=kind, rounding_seed=SEED), shapes=shapes, dtype=dtype
    )
    for seed in range(1, 4):
        step(ours, theirs, draw(seed, dtype, shapes))
        assert_same(ours, theirs, {}, {})
    assert ours.state["wide"]["total"].dtype.names is not None
    assert ours.state["odd"]["total"].dtype == dtype


@KINDS
def test_the_device_counts_the_calls_that_it_makes(kind: Any, calls: list[str]) -> None:
    ours, theirs, device, host = pair(lambda: momentum(kind, on_nonfinite="skip"))
    for seed in range(4):
        row = draw(seed)
        if seed == 1:
            row["a"][5] = np.inf
        calls.clear()
        step(ours, theirs, row)
        assert "download" not in calls
    assert_same(ours, theirs, device, host)
    assert ours.iterations == theirs.iterations == 3


def test_each_replay_has_noise_of_its_own(capture: Any) -> None:  # noqa: F811
    ours, theirs, device, host = pair(lambda: momentum("int4"))
    row = draw(1)
    there = all_on_device(row)
    ours.apply(there)
    replay = capture(lambda: ours.apply(there))
    replay()
    for _ in range(3):
        theirs.apply(row)
    assert_same(ours, theirs, device, host)


@KINDS
@pytest.mark.parametrize("to_host", [True, False], ids=["to-host", "to-device"])
def test_a_run_goes_on_from_a_file(kind: Any, to_host: bool, tmp_path: Any) -> None:
    ours, theirs, device, host = pair(lambda: momentum(kind))
    for seed in range(2):
        step(ours, theirs, draw(seed))
    ours.save(tmp_path / "state")
    again = momentum(kind)
    kept = {path: array.copy_to_host() for path, array in device.items()}
    there: Any = kept if to_host else all_on_device(kept)
    again.build(there)
    again.load(tmp_path / "state")
    for seed in range(2, 4):
        row = draw(seed)
        theirs.apply(row)
        again.apply(row if to_host else list(all_on_device(row).values()))
    if not to_host:
        assert_same(again, theirs, there, host)
        return
    for path, array in host.items():
        np.testing.assert_array_equal(kept[path], array)
        own, wanted = (o.state[path]["momentum_buffer"] for o in (again, theirs))
        assert own.tobytes() == wanted.tobytes()


def test_copies_and_failed_steps() -> None:
    """A copy goes on alike, and what a constraint refuses changes no code."""
    ours, theirs, device, host = pair(lambda: momentum("int8"))
    step(ours, theirs, draw(1))
    copied, variables = pickle.loads(pickle.dumps((ours, device)))
    row = draw(2)
    copied.apply(list(all_on_device(row).values()))
    theirs.apply(row)
    assert_same(copied, theirs, variables, host)

    is_refused = False

    def constraint(array: Any) -> Any:
        if is_refused:
            raise RuntimeError("refused")
        return array

    optimizer = momentum("int8", constraints={"a": constraint})
    held = all_on_device(draw(0))
    optimizer.build(held)
    optimizer.apply(list(all_on_device(draw(1)).values()))
    before = [array.copy_to_host().tobytes() for _, array in states(optimizer)]
    is_refused = True
    with pytest.raises(RuntimeError, match="refused"):
        optimizer.apply(list(all_on_device(draw(2)).values()))
    assert [array.copy_to_host().tobytes() for _, array in states(optimizer)] == before


def test_storage_is_listed() -> None:
    ours, theirs, _, _ = pair(lambda: momentum("int4"))
    assert str(ours.storage()) == str(theirs.storage())
    assert {one.dtype for one in ours.storage()} == {"int4"}


@KINDS
def test_parts_of_variables_have_the_noise_of_their_places(kind: Any) -> None:
    rng = np.random.default_rng(2)
    held = [rng.normal(size=form).astype(np.float32) for form in FORMS.values()]
    grads = [(rng.integers(-64, 64, a.shape) / 64).astype(np.float32) for a in held]
    storage = {"momentum": 0.5, "state_dtype": kind, "rounding_seed": SEED}
    for rank in range(RANKS):
        parts = parts_of(rank)
        models = []
        for move in (np.copy, on_device):
            own: Any = [move(here(a, part)) for a, part in zip(held, parts, strict=True)]
            shards = Parts(whole=Shards(Exchange(), rank, parts))
            core, reader = built(oo.SGD, own, shards, **storage)
            for _ in range(3):
                some = [move(here(g, part)) for g, part in zip(grads, parts, strict=True)]
                core.take(reader.read(dict(zip(FORMS, some, strict=True)), None))
            models.append(core.model)
        host, device = models
        assert host is not None
        assert device is not None
        for k in range(len(parts)):
            wanted = host.state_of(k)["momentum_buffer"]
            assert wanted.dtype.names is not None
            assert (
                device.state_of(k)["momentum_buffer"].copy_to_host().tobytes() == wanted.tobytes()
            )
