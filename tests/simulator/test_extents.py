"""Rules with numbers, rows and columns on a simulated device against the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optgen.runtime.cuda import tile_list
from optgen.runtime.cuda.arrays import DeviceArray, on_device
from tests.runtime.cuda.arrays import Host, all_on_device
from tests.runtime.cuda.own import EXTENTS, package

#: Matrices of several strips, batches of them, and what is none.
SHAPES = {
    "matrix": (7, 5),
    "wide": (2, 20),
    "vector": (11,),
    "batch": (2, 3, 4),
    "batches": (2, 2, 3, 2),
    "row": (1, 9),
    "column": (9, 1),
    "number": (),
    "empty": (0, 3),
}
EVERYTHING = {
    "global_clipnorm": 0.5,
    "use_ema": True,
    "on_nonfinite": "skip",
    "gradient_accumulation_steps": 2,
}


@pytest.fixture(autouse=True)
def short_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tile_list, "FEWEST_ROWS", 3)
    monkeypatch.setattr(tile_list, "MOST_ROWS", 3)


def draw(seed: int, order: Any = "C", shapes: dict[str, tuple[int, ...]] = SHAPES) -> Any:
    found = np.random.default_rng(seed)
    return {
        f"{path}/{dtype.__name__}": np.asarray(found.normal(size=shape), dtype, order=order)
        for path, shape in shapes.items()
        for dtype in (np.float32, np.float64)
        if dtype is np.float32 or path == "matrix"
    }


def assert_alike(found: Any, expected: Host, name: str) -> None:
    """Sums are rounded as float32 is, in a number too."""
    array = found.copy_to_host()
    assert array.shape == expected.shape
    bound = 2e-6 * np.abs(expected).max(initial=0)
    np.testing.assert_allclose(array, expected, rtol=0, atol=bound, err_msg=name)


def states(optimizer: Any) -> dict[str, Any]:
    every = optimizer.state.items()
    return {f"{path} {name}": array for path, held in every for name, array in held.items()}


def assert_same(ours: Any, theirs: Any, device: Any, host: Any) -> None:
    assert (ours.iterations, ours._iterations) == (theirs.iterations, theirs._iterations)
    found = {**device, **states(ours)}
    expected = {**host, **states(theirs)}
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert_alike(found[name], array, name)


def runs() -> Iterator[Any]:
    """Each rule transposed; features and the order of memory are the same code around others."""
    ways: tuple[tuple[str, Any, str], ...] = (
        ("plain", {}, "C"),
        ("transposed", {}, "F"),
        ("everything", EVERYTHING, "F"),
    )
    for name in EXTENTS:
        for label, values, order in ways:
            is_more = label != "transposed" and name not in ("Factored", "Distant")
            marks = pytest.mark.full if is_more else ()
            yield pytest.param(name, values, order, id=f"{name}-{label}", marks=marks)


@pytest.mark.filterwarnings("ignore:no gradient for")
@pytest.mark.parametrize(("name", "values", "order"), list(runs()))
def test_a_device_computes_what_the_cpu_does(name: str, values: Any, order: Any) -> None:
    host: Any = draw(0, order)
    device = all_on_device(host)
    ours, theirs = (getattr(package(), name)(**values) for _ in range(2))
    ours.build(device)
    theirs.build(host)
    for call in range(6 if values else 2):
        row: dict[str, Any] = draw(call + 1, order)
        if call == 1:
            row["vector/float32"] = None
        if values and call == 3:
            row["wide/float32"][1, 3] = np.nan
        given = {path: None if g is None else on_device(g) for path, g in row.items()}
        ours.apply(given)
        theirs.apply(row)
    assert_same(ours, theirs, device, host)


@pytest.mark.parametrize("name", EXTENTS)
def test_nobody_waits_and_a_skipped_call_keeps_nothing(name: str, calls: list[str]) -> None:
    host: Any = draw(0)
    device = all_on_device(host)
    optimizer = getattr(package(), name)(on_nonfinite="skip")
    optimizer.build(device)
    optimizer.apply(all_on_device(draw(1)))
    before = {**device, **states(optimizer)}
    before = {path: array.copy_to_host() for path, array in before.items()}
    row = draw(2)
    row["matrix/float64"][2, 2] = np.inf
    calls.clear()
    optimizer.apply(all_on_device(row))
    assert "download" not in calls
    assert "keep" in calls
    for path, array in {**device, **states(optimizer)}.items():
        np.testing.assert_array_equal(array.copy_to_host(), before[path], err_msg=path)
    assert optimizer.iterations == 1


@pytest.mark.parametrize("name", EXTENTS)
def test_the_host_waits_for_no_number(name: str, calls: list[str]) -> None:
    device = all_on_device(draw(0))
    optimizer = getattr(package(), name)()
    optimizer.build(device)
    calls.clear()
    for seed in (1, 2):
        optimizer.apply(all_on_device(draw(seed)))
    assert "download" not in calls


@pytest.mark.parametrize("name", EXTENTS)
def test_a_file_crosses_between_host_and_device(name: str, tmp_path: Path) -> None:
    shapes = {"matrix": (7, 5), "vector": (11,)}
    host: Any = draw(0, shapes=shapes)
    device = all_on_device(host)
    ours, theirs = (getattr(package(), name)() for _ in range(2))
    ours.build(device)
    theirs.build(host)
    for seed in (1, 2):
        theirs.apply(draw(seed, shapes=shapes))
    theirs.save(tmp_path / "state")
    device = all_on_device(host)
    ours = getattr(package(), name)()
    ours.build(device)
    ours.load(tmp_path / "state")
    ours.apply(all_on_device(draw(3, shapes=shapes)))
    theirs.apply(draw(3, shapes=shapes))
    assert_same(ours, theirs, device, host)


def spread(arrays: dict[str, Host]) -> dict[str, DeviceArray]:
    return {path: on_device(a, int(path.startswith("m"))) for path, a in arrays.items()}


def test_rows_and_columns_may_be_on_several_devices() -> None:
    shapes = {"matrix": (7, 5), "vector": (11,), "wide": (2, 20)}
    host: Any = draw(0, shapes=shapes)
    device = spread(host)
    ours, theirs = (package().Factored(global_clipnorm=0.5) for _ in range(2))
    ours.build(device)
    theirs.build(host)
    for seed in (1, 2):
        ours.apply(spread(draw(seed, shapes=shapes)))
        theirs.apply(draw(seed, shapes=shapes))
    assert_same(ours, theirs, device, host)


def test_numbers_of_all_variables_may_not() -> None:
    with pytest.raises(ValueError, match="on several devices, but this rule"):
        package().Distant().build(spread(draw(0)))


def test_a_variable_that_takes_its_gradient_has_no_states() -> None:
    shapes = {"vector": (11,), "wide": (2, 20)}
    host: Any = draw(0, shapes=shapes)
    device = all_on_device(host)
    taking = {"overwrite_with_gradient": ["vector/float32"]}
    ours, theirs = (package().Distant(**taking) for _ in range(2))
    ours.build(device)
    theirs.build(host)
    row = draw(1, shapes=shapes)
    ours.apply(all_on_device(row))
    theirs.apply(row)
    assert_same(ours, theirs, device, host)
    np.testing.assert_array_equal(host["vector/float32"], row["vector/float32"])


def test_the_same_run_gives_the_same_bits() -> None:
    runs = []
    for _ in range(2):
        device = all_on_device(draw(0))
        optimizer = package().Normal()
        optimizer.build(device)
        for seed in (1, 2):
            optimizer.apply(all_on_device(draw(seed)))
        every = {**device, **states(optimizer)}
        runs.append({path: array.copy_to_host().tobytes() for path, array in every.items()})
    assert runs[0] == runs[1]
