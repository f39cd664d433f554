"""Variables on several devices; what can't work is refused, and changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import optgen.optimizers as oo
from optgen.runtime.cuda.arrays import DeviceArray, on_device
from tests.runtime.cuda.arrays import Host, all_on_device


def draw(seed: int) -> dict[str, Host]:
    found = np.random.default_rng(seed)
    return {path: found.normal(size=50).astype(np.float32) for path in ("a", "b", "c")}


def spread(arrays: dict[str, Host]) -> dict[str, DeviceArray]:
    """The second of three on another device."""
    return {path: on_device(array, int(path == "b")) for path, array in arrays.items()}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"global_clipnorm": 0.5},
        {"clipnorm": 0.5, "on_nonfinite": "skip"},
        {"global_clipnorm": 0.5, "gradient_accumulation_steps": 2, "on_nonfinite": "skip"},
    ],
    ids=str,
)
def test_two_devices_do_what_one_does(values: dict[str, Any], calls: list[str]) -> None:
    host = draw(0)
    device = spread(host)
    ours, theirs = (oo.Adam(0.1, use_ema=True, **values) for _ in range(2))
    ours.build(device)
    theirs.build(host)
    for call in range(5):
        row = draw(call + 1)
        if call == 2 and values.get("on_nonfinite"):
            row["b"][7] = np.nan
        calls.clear()
        ours.apply(spread(row))
        theirs.apply(row)
    assert ours.iterations == theirs.iterations
    for path, array in host.items():
        np.testing.assert_allclose(device[path].copy_to_host(), array, rtol=2e-6)
        state: Any = ours.state[path]
        assert {array.device for array in state.values()} == {int(path == "b")}
    if not values:
        assert calls.count("update") == 2


def test_a_mix_of_host_and_device_is_refused() -> None:
    host = draw(0)
    mixed: Any = {"a": host["a"], "b": on_device(host["b"])}
    with pytest.raises(TypeError, match="'a' is in the host's memory and 'b' on a device"):
        oo.SGD().build(mixed)


def refused(gradient: Any, error: type[Exception], match: str) -> None:
    host = draw(0)
    device = all_on_device(host)
    optimizer = oo.SGD(momentum=0.9)
    optimizer.build(device)
    row: list[Any] = list(all_on_device(draw(1)).values())
    row[1] = gradient(device, optimizer) if callable(gradient) else gradient
    with pytest.raises(error, match=match):
        optimizer.apply(row)
    assert optimizer.iterations == 0
    for path, array in host.items():
        np.testing.assert_array_equal(device[path].copy_to_host(), array)


def test_gradients_that_are_refused() -> None:
    refused(np.ones(50, np.float32), TypeError, "gradient of 'b' is a numpy.ndarray, not on a dev")
    refused([1.0] * 50, TypeError, "the gradient of 'b' is a builtins.list")
    refused(on_device(np.ones(49, np.float32)), ValueError, r"has shape \(49,\)")
    refused(on_device(np.ones(50)), TypeError, "is float64, the variable float32")
    refused(on_device(np.ones(50, np.float32), 1), ValueError, "on device 1, the variable on dev")
    refused(lambda device, _: device["b"], ValueError, "shares memory with 'b'")
    refused(lambda device, _: device["c"], ValueError, "shares memory with 'c'")
    refused(
        lambda _, optimizer: next(iter(optimizer.state["a"].values())),
        ValueError,
        "shares memory with the state momentum_buffer of 'a'",
    )


class Like:
    """An array that says of itself what it is told to."""

    def __init__(self, array: Host, **other: Any) -> None:
        self._kept = on_device(array)
        self._other = other

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {**self._kept.__cuda_array_interface__, **self._other}


@pytest.mark.parametrize(
    ("other", "error", "match"),
    [
        (
            {"typestr": "<i4"},
            TypeError,
            "must be float32 .* or float16, not int32",
        ),
        (
            {"typestr": ">f4"},
            TypeError,
            "must be float32 .* or float16, not >f4",
        ),
        ({"shape": (25,), "strides": (8,)}, ValueError, "has gaps in memory"),
        ({"mask": True}, TypeError, "a masked array can't be updated"),
    ],
    ids=str,
)
def test_variables_that_are_refused(
    other: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        oo.SGD().build([Like(np.ones(50, np.float32), **other)])


def test_read_only_and_shared_variables_are_refused() -> None:
    array = on_device(np.ones(50, np.float32))
    frozen = Like(np.ones(50, np.float32), data=(array.address, True))
    with pytest.raises(ValueError, match="is read-only"):
        oo.SGD().build([frozen])
    with pytest.raises(ValueError, match="share memory"):
        oo.SGD().build([array, Like(np.ones(50, np.float32), data=(array.address + 4, False))])


def test_a_gradient_of_another_layout_needs_a_library_that_copies() -> None:
    variable = on_device(np.ones((4, 6), np.float32))
    optimizer = oo.SGD()
    optimizer.build([variable])
    gradient = on_device(np.asfortranarray(np.ones((4, 6), np.float32)))
    with pytest.raises(ValueError, match="must lie in memory as the variable does"):
        optimizer.apply([gradient])
