"""Functions of whole matrices on a simulated device, whose memory is the host's.

So NumPy stands in for CuPy, and torch's functions for the host for those on a device.
"""

from __future__ import annotations

import ctypes
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from optgen.runtime.cuda import matrix_libraries, memory
from optgen.runtime.cuda.arrays import DeviceArray, on_device
from optgen.runtime.cuda.devices import driver
from optgen.runtime.cuda.matrix_libraries import DeviceMatrices, by_cupy, by_torch
from optgen.runtime.matrix_library import MatrixLibrary
from tests.matrices.formulas import SHAPES, drawn, expected
from tests.matrices.own import NAMES, rule
from tests.runtime.cuda.arrays import all_on_device

STEPS = 4


class Seen(np.ndarray[Any, Any]):
    """NumPy's view of memory that belongs to a device."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        own = self.__array_interface__
        return {key: own[key] for key in ("shape", "strides", "typestr", "data", "version")}


def room(device: int, shape: Any, dtype: np.dtype[Any]) -> Seen:
    owner = DeviceArray(device, tuple(shape), dtype)
    held = (ctypes.c_ubyte * owner.nbytes).from_address(owner.address)
    _OWNERS.append(owner)
    flat: Any = np.ctypeslib.as_array(held).view(dtype)
    seen: Seen = flat.reshape(shape).view(Seen)
    return seen


_OWNERS: list[DeviceArray] = []


def by_numpy() -> DeviceMatrices:
    """What CuPy computes, by functions of the same names."""
    found = by_cupy(np)
    strided = lambda flat, *form: found.strided(flat, *form).view(Seen)  # noqa: E731
    plain = MatrixLibrary(found.functions.multiply, found.functions.of_matrix, np.asarray)
    return DeviceMatrices(room, strided, plain)


def by_torch_on_the_host() -> DeviceMatrices:
    found, beside = by_torch(torch, ""), by_numpy()
    own = found.functions

    def seen(array: Any) -> Any:
        return torch.from_numpy(np.asarray(array))

    library = replace(own, seen=seen)
    return DeviceMatrices(room, beside.strided, library)


@pytest.fixture(params=[by_numpy, by_torch_on_the_host])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "matrices_by", lambda *_: request.param())


def laid(array: Any, order: Any) -> Any:
    """In an order, unless the array's matrices had no strides then."""
    return np.asarray(array, order=order) if array.ndim == 2 else array


def on_devices(name: str, dtype: Any = np.float32, order: Any = "C", **values: Any) -> Any:
    """An optimizer and its variables, after some steps, and what they should be."""
    held, rows = drawn(STEPS, dtype)
    wanted = expected(name, held, rows)
    device = all_on_device({path: laid(a, order) for path, a in held.items()})
    optimizer = rule(name)(**values)
    optimizer.exclude_from_matrix(var_names=["plain"])
    optimizer.build(device)
    for row in rows:
        optimizer.apply([on_device(laid(gradient, order)) for gradient in row])
    return optimizer, device, wanted


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", NAMES)
def test_a_device_computes_what_formulas_say(name: str, order: Any) -> None:
    _, device, wanted = on_devices(name, order=order)
    for (path, array), expected_one in zip(device.items(), wanted, strict=True):
        found = array.copy_to_host()
        np.testing.assert_allclose(found, expected_one, rtol=0, atol=5e-6, err_msg=path)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("name", NAMES)
def test_in_float64_too(name: str) -> None:
    _, device, wanted = on_devices(name, np.float64)
    for (path, array), expected_one in zip(device.items(), wanted, strict=True):
        found = array.copy_to_host()
        np.testing.assert_allclose(found, expected_one, rtol=0, atol=1e-11, err_msg=path)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("name", ["Rooted", "Rotated"])
def test_nan_stays_in_its_variable(name: str) -> None:
    held, rows = drawn(1)
    device = all_on_device(held)
    optimizer = rule(name)()
    optimizer.build(device)
    rows[0][0][0, 0] = np.nan
    optimizer.apply([on_device(gradient) for gradient in rows[0]])
    is_odd = [bool(np.isnan(array.copy_to_host()).any()) for array in device.values()]
    assert is_odd == [True] + [False] * (len(SHAPES) - 1)


@pytest.mark.usefixtures("library")
def test_a_call_with_nan_may_be_skipped() -> None:
    optimizer, device, _ = on_devices("Rooted", on_nonfinite="skip")
    before = {path: array.copy_to_host() for path, array in device.items()}
    row = drawn(1)[1][0]
    row[1][2, 2] = np.nan
    optimizer.apply([on_device(gradient) for gradient in row])
    for path, array in device.items():
        np.testing.assert_array_equal(array.copy_to_host(), before[path], err_msg=path)
    assert optimizer.iterations == STEPS


def test_without_a_library_an_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_libraries, "find_spec", lambda name: None)
    optimizer = rule("Ortho")()
    with pytest.raises(ImportError, match="install torch with CUDA, or cupy"):
        optimizer.build(all_on_device(drawn(1)[0]))


@pytest.mark.usefixtures("library")
def test_matrices_are_on_one_device() -> None:
    held, _ = drawn(1)
    spread = {path: on_device(a, int(path == "tall")) for path, a in held.items()}
    with pytest.raises(ValueError, match="multiplies matrices"):
        rule("Ortho")().build(spread)


@pytest.mark.usefixtures("library")
def test_a_graph_captures_none(monkeypatch: pytest.MonkeyPatch) -> None:
    optimizer, device, _ = on_devices("Ortho")
    before = {path: array.copy_to_host() for path, array in device.items()}
    monkeypatch.setattr(driver, "is_capturing", lambda *_: True)
    with pytest.raises(RuntimeError, match="a step with functions of matrices"):
        optimizer.apply([on_device(gradient) for gradient in drawn(1)[1][0]])
    for path, array in device.items():
        np.testing.assert_array_equal(array.copy_to_host(), before[path], err_msg=path)
