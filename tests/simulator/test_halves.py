"""Half precision on a simulated device, beside the CPU's kernels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from ml_dtypes import bfloat16

import optgen.optimizers as oo
from optgen.runtime.cuda.arrays import DeviceArray, on_device, view_of
from optgen.runtime.cuda.devices import driver
from optgen.runtime.cuda.memory import DeviceMemory
from tests.chosen import first_of
from tests.matrices.formulas import drawn
from tests.matrices.own import rule
from tests.runtime.cuda import own
from tests.runtime.cuda.arrays import Shifted, all_on_device

HALVES = (bfloat16, np.float16)
by_dtype = pytest.mark.parametrize("dtype", first_of(HALVES, 1))
SHAPES = {"a": (3, 5), "b": (), "c": (0,), "d": (107,)}
#: Numbers of both signs at the ends of ranges, and NaN.
ODD = (0.0, 1e-45, 6e-8, 1e-38, 1e-3, 65504.0, 65520.0, 3.4e38, np.inf, np.nan)


def draw(seed: int, dtype: Any, shapes: dict[str, tuple[int, ...]] | None = None) -> dict[str, Any]:
    found = np.random.default_rng(seed)
    listed = (SHAPES if shapes is None else shapes).items()
    return {path: np.asarray(found.normal(size=shape)).astype(dtype) for path, shape in listed}


def pair(make: Any, dtype: Any, **more: Any) -> tuple[Any, Any, dict[str, Any], dict[str, Any]]:
    """The same rule over the same variables: on a device, and on the host."""
    host = draw(0, dtype, **more)
    device = all_on_device(host)
    ours, theirs = make(), make()
    ours.build(device)
    theirs.build(host)
    return ours, theirs, device, host


def step(ours: Any, theirs: Any, row: dict[str, Any]) -> None:
    ours.apply(list(all_on_device(row).values()))
    theirs.apply(row)


def bits(array: Any) -> Any:
    """The array as integers; NaN is one number, whatever its bits."""
    found = np.asarray(array)
    plain = np.where(np.isnan(found), np.zeros((), found.dtype), found)
    return plain.view(f"u{found.dtype.itemsize}") if found.ndim else plain.tobytes()


def assert_same(device: dict[str, Any], host: dict[str, Any]) -> None:
    for path, array in host.items():
        found = device[path].copy_to_host()
        assert found.dtype == array.dtype, path
        np.testing.assert_array_equal(np.isnan(found), np.isnan(array), err_msg=path)
        np.testing.assert_array_equal(bits(found), bits(array), err_msg=path)


def states(optimizer: Any) -> Iterator[tuple[str, Any]]:
    for path, own_states in optimizer.state.items():
        yield from ((f"{path}, {name}", array) for name, array in own_states.items())


@pytest.mark.parametrize("dtype", HALVES)
def test_a_step_without_rounding_in_between_gives_the_same_bits(dtype: Any) -> None:
    """Differences of numbers in half precision: what is rounded is stored."""
    ours, theirs, device, host = pair(lambda: oo.SGD(1.0), dtype)
    for seed in range(3):
        step(ours, theirs, draw(seed, dtype))
    assert_same(device, host)


@by_dtype
def test_numbers_at_the_ends_of_ranges(dtype: Any) -> None:
    found = np.array([*ODD, *(-one for one in ODD)], np.float32).astype(dtype)
    host, row = {"x": np.zeros_like(found)}, {"x": found}
    device = all_on_device(host)
    ours, theirs = oo.SGD(1.0), oo.SGD(1.0)
    ours.build(device)
    theirs.build(host)
    step(ours, theirs, row)
    # The CPU flushes denormal float32, and only those.
    tiny = np.abs(found.astype(np.float32)) < np.finfo(np.float32).smallest_normal
    kept = device["x"].copy_to_host()
    expected = np.float32(0) - found.astype(np.float32)
    np.testing.assert_array_equal(bits(kept), bits(expected.astype(dtype)))
    np.testing.assert_array_equal(bits(kept[~tiny]), bits(host["x"][~tiny]))


@by_dtype
@pytest.mark.parametrize("state", [None, "bfloat16", "float16"])
def test_states_have_formats_of_their_own(dtype: Any, state: Any) -> None:
    ours, theirs, device, host = pair(
        lambda: oo.Adam(0.1, state_dtype=state, global_clipnorm=1.0), dtype
    )
    for seed in range(3):
        step(ours, theirs, draw(seed, dtype))
    for (name, one), (_, other) in zip(states(ours), states(theirs), strict=True):
        assert one.dtype == other.dtype == np.dtype(state or np.float32), name
        unit = float(np.finfo(np.float32).eps if state is None else 2**-7)
        wide = other.astype(np.float32)
        np.testing.assert_allclose(one.copy_to_host().astype(np.float32), wide, unit, unit)
    near(device, host)


def near(device: dict[str, Any], host: dict[str, Any]) -> None:
    """Within a unit of the last place, where float32 differs across a point of rounding."""
    for path, array in host.items():
        found = device[path].copy_to_host().astype(np.float64)
        unit = 2.0**-7 if array.dtype == bfloat16 else 2.0**-10
        np.testing.assert_allclose(found, array.astype(np.float64), rtol=unit, err_msg=path)


def test_all_dtypes_in_one_optimizer() -> None:
    dtypes = (bfloat16, np.float16, np.float32, np.float64)
    host = {np.dtype(one).name: draw(1, one)["d"] for one in dtypes}
    row = {np.dtype(one).name: draw(2, one)["d"] for one in dtypes}
    device = all_on_device(host)
    stored: Any = {"float64": "float32", "velocity": "bfloat16"}
    ours, theirs = (oo.Adam(0.1, state_dtype=stored) for _ in range(2))
    ours.build(device)
    theirs.build(host)
    for _ in range(2):
        step(ours, theirs, row)
    near(device, host)
    for (name, one), (_, other) in zip(states(ours), states(theirs), strict=True):
        assert one.dtype == other.dtype, name


@by_dtype
@pytest.mark.parametrize("shift", [2, 4, 6, 8])
@pytest.mark.parametrize("what", ["variable", "gradient"])
def test_memory_off_the_vectors_bounds(dtype: Any, shift: int, what: str) -> None:
    host, row = draw(3, dtype)["d"], draw(4, dtype)["d"]
    variable = Shifted(host, shift) if what == "variable" else on_device(host)
    gradient = Shifted(row, shift) if what == "gradient" else on_device(row)
    ours, theirs = oo.SGD(1.0), oo.SGD(1.0)
    ours.build([variable])
    theirs.build([host])
    ours.apply([gradient])
    theirs.apply([row])
    np.testing.assert_array_equal(bits(variable.copy_to_host()), bits(host))


@by_dtype
@pytest.mark.parametrize("size", [1, 3, 4, 5, 33])
def test_every_length_of_tail(dtype: Any, size: int) -> None:
    ours, theirs, device, host = pair(lambda: oo.SGD(1.0), dtype, shapes={"x": (size,)})
    step(ours, theirs, draw(size, dtype, {"x": (size,)}))
    assert_same(device, host)


@pytest.mark.parametrize(("dtype", "order"), [(bfloat16, "C"), (np.float16, "F")])
def test_rows_and_columns(dtype: Any, order: Any) -> None:
    """Rows that follow each other are moved as vectors; others by the places of columns."""
    host = {"x": np.asarray(draw(1, dtype, {"x": (6, 9)})["x"], order=order)}
    row = {"x": np.asarray(draw(2, dtype, {"x": (6, 9)})["x"], order=order)}
    device = all_on_device(host)
    ours, theirs = own.package().Factored(), own.package().Factored()
    ours.build(device)
    theirs.build(host)
    for _ in range(2):
        step(ours, theirs, row)
    near(device, host)


@by_dtype
def test_a_gradient_that_overflowed_is_skipped(dtype: Any, calls: list[str]) -> None:
    ours, theirs, device, host = pair(lambda: oo.SGD(1.0, on_nonfinite="skip"), dtype)
    row = draw(1, dtype)
    row["d"][5] = np.inf
    calls.clear()
    step(ours, theirs, row)
    assert "download" not in calls
    step(ours, theirs, draw(2, dtype))
    assert_same(device, host)
    assert ours.iterations == theirs.iterations == 1


@by_dtype
def test_nothing_is_widened(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All memory of a rule without states, for variables and gradients of a megabyte each."""
    allocated: list[int] = []
    plain = driver.Memory.__init__

    def counting(self: Any, device: int, size: int) -> None:
        allocated.append(size)
        plain(self, device, size)

    variable, gradient = (DeviceArray(0, (512, 1024), np.dtype(dtype)) for _ in range(2))
    monkeypatch.setattr("optgen.runtime.cuda.work_list.LEAST", 4096)
    monkeypatch.setattr(driver.Memory, "__init__", counting)
    monkeypatch.setattr(driver.Launch, "__call__", lambda *_: None)
    optimizer = oo.SGD(1.0, global_clipnorm=1.0)
    optimizer.build([variable])
    optimizer.apply([gradient])
    assert max(allocated) < variable.nbytes // 8


@by_dtype
def test_averages_stand_in_without_the_host(dtype: Any, calls: list[str]) -> None:
    ours, theirs, device, host = pair(lambda: oo.SGD(1.0, use_ema=True, ema_momentum=0.5), dtype)
    for seed in range(2):
        step(ours, theirs, draw(seed, dtype))
    calls.clear()
    with ours.averaged():
        assert not {"download", "upload"} & {*calls}
        with theirs.averaged():
            near(device, host)
    assert_same(device, host)


@by_dtype
def test_files_and_copies(dtype: Any, tmp_path: Any) -> None:
    ours, theirs, _, host = pair(lambda: oo.Adam(0.1, state_dtype="bfloat16"), dtype)
    step(ours, theirs, draw(1, dtype))
    ours.save(tmp_path / "state")
    again = oo.Adam(0.1, state_dtype="bfloat16")
    again.build(host)
    again.load(tmp_path / "state")
    for (name, one), (_, other) in zip(states(ours), states(again), strict=True):
        np.testing.assert_array_equal(bits(one.copy_to_host()), bits(other), err_msg=name)


def test_bfloat16_is_known_by_its_array() -> None:
    """Its two bytes have no name in the interface; such of another meaning are refused."""
    array = on_device(np.ones(3, bfloat16))
    assert view_of(array).dtype == bfloat16
    seen = view_of(array.view(np.int16))
    assert (seen.dtype.name, seen.address) == ("int16", array.address)
    unknown = Shifted(np.ones(3, bfloat16), 0)
    unknown.dtype = np.dtype("V2")
    with pytest.raises(TypeError, match="bfloat16 or float16, not"):
        oo.SGD().build([unknown])
    with pytest.raises(ValueError, match="differ in size"):
        array.view(np.float32)


def test_scratch_matrices_are_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.simulator.test_matrix_calls import by_numpy  # noqa: PLC0415

    monkeypatch.setattr("optgen.runtime.cuda.memory.matrices_by", lambda *_: by_numpy())
    made: list[Any] = []
    plain = DeviceMemory.scratch

    def scratch(self: DeviceMemory, near: Any, shape: tuple[int, ...]) -> Any:
        made.append(plain(self, near, shape))
        return made[-1]

    monkeypatch.setattr(DeviceMemory, "scratch", scratch)
    dtype = bfloat16
    held, rows = drawn(1)
    host = {path: array.astype(dtype) for path, array in held.items()}
    device = all_on_device(host)
    ours, theirs = rule("Ortho")(), rule("Ortho")()
    ours.build(device)
    theirs.build(host)
    ours.apply([on_device(one.astype(dtype)) for one in rows[0]])
    theirs.apply([one.astype(dtype) for one in rows[0]])
    assert {array.dtype for array in made} == {np.dtype(np.float32)}
    for path, array in host.items():
        found = device[path].copy_to_host().astype(np.float32)
        np.testing.assert_allclose(found, array.astype(np.float32), rtol=0, atol=2e-2, err_msg=path)
