"""NVIDIA's driver, its devices, and the packages that compile for them."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

from optgen.cuda import DRIVER, missing_packages
from optgen.doctor.finding import Finding, Verdict, judged
from optgen.doctor.requirements import numbers, version

#: Attributes of a device, as the driver numbers them.
_MULTIPROCESSORS, _MAJOR, _MINOR = 16, 75, 76
#: The first driver of each CUDA, by NVIDIA's release notes.
_FIRST_DRIVER = {12: 525, 13: 580}


def examine() -> Iterator[Finding]:
    """The driver with its devices, if there is one, and what compiles kernels for them."""
    driver = loaded()
    if driver is None:
        advice = "kernels for CUDA need an NVIDIA GPU and its driver"
        yield Finding("driver", Verdict.MISSING, f"{DRIVER} can't be loaded", advice)
        return
    status = int(driver.cuInit(0))
    if status:
        advice = "nvidia-smi says more; in a container, pass the devices to it"
        yield Finding("driver", Verdict.FAULT, f"no usable device: cuInit returns {status}", advice)
        return
    yield supported(_number(driver.cuDriverGetVersion), version("cuda-bindings"))
    for index in range(_number(driver.cuDeviceGetCount)):
        yield _device(driver, index)
    missing = missing_packages()
    yield judged(
        "compiler", missing or "numba-cuda", "pip install 'optgen[cuda]'", good=not missing
    )


def loaded() -> Any:
    """The driver's library; None if there is none."""
    try:
        return ctypes.CDLL(DRIVER)
    except OSError:
        return None


def supported(driver: int, bindings: str) -> Finding:
    """Whether a driver, by the number of its CUDA (13000 for 13.0), runs what is compiled here."""
    own, needed = driver // 1000, (*numbers(bindings), 0)[0]
    found = f"for CUDA {own}.{driver % 1000 // 10}"
    advice = f"cuda-bindings {bindings} needs a driver for CUDA {needed}"
    if needed in _FIRST_DRIVER:
        advice += f": {_FIRST_DRIVER[needed]} or later"
    return judged("driver", found, advice, good=own >= needed, otherwise=Verdict.FAULT)


def _number(function: Any, *arguments: object) -> int:
    """What a function of the driver writes to its first argument."""
    result = ctypes.c_int(0)
    function(ctypes.byref(result), *arguments)
    return result.value


def _device(driver: Any, index: int) -> Finding:
    name, memory = ctypes.create_string_buffer(100), ctypes.c_size_t(0)
    device = _number(driver.cuDeviceGet, index)
    driver.cuDeviceGetName(name, len(name), device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    major, minor, processors = (
        _number(driver.cuDeviceGetAttribute, attribute, device)
        for attribute in (_MAJOR, _MINOR, _MULTIPROCESSORS)
    )
    facts = f"capability {major}.{minor}, {processors} multiprocessors"
    found = f"{name.value.decode()}, {facts}, {memory.value / 1e9:.0f} GB"
    return Finding(f"device {index}", Verdict.OK, found)
