"""Every CUDA kernel that a setting of an optimizer can need, with what its plan says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from optgen.compiler.nouns.condition import Condition
from optgen.compiler.nouns.plan import Access, Plan
from optgen.compiler.pipeline import load_all, plan_of, surroundings
from optgen.runtime.kernels import CHECK_FINITE, CONSTRAINED, Kernels, built
from tests.numeric.settings import Setting
from tests.numeric.specs import OPTIMIZERS
from tests.numeric.training import new

REALS: Mapping[str, Any] = {"float32": np.float32, "float64": np.float64}


@dataclass(frozen=True)
class Made:
    """A kernel, and the buffers that it loads and stores."""

    name: str
    kernel: Any
    loads: int
    stores: int


@cache
def plan(optimizer: str) -> Plan:
    (spec,) = load_all([OPTIMIZERS[optimizer]])
    return plan_of(spec, surroundings())


def kernels_of(setting: Setting) -> tuple[Kernels, dict[str, bool]]:
    """The table of an optimizer's CUDA kernels, and the switches as the setting turns them."""
    optimizer = new(setting.optimizer, **setting.values)
    kernels: Kernels = import_module(type(optimizer).cuda_kernels).KERNELS
    on = {**optimizer._settings.on(), CHECK_FINITE: False, CONSTRAINED: False}
    return kernels, {**on, "alone": True, "deferred": False}


def element_kernels(setting: Setting, real: str, **more: bool) -> Iterator[Made]:
    """The kernels with element loops; ``more`` turns switches of the runtime."""
    kernels, on = kernels_of(setting)
    on |= more
    fixed = (REALS[real], 16 // np.dtype(real).itemsize, 256)
    for program, planned in zip(kernels.programs, plan(setting.optimizer).programs, strict=True):
        if not program.when(on):
            continue
        passes = zip(program.prepasses, planned.prepasses, strict=True)
        for prepass, planned_prepass in passes:
            if prepass.when(on):
                kernel = built(prepass.sum_up, on, *fixed)
                yield Made(f"{program.name}_sums", kernel, count(planned_prepass.loads, on), 0)
        kernel = built(program.elements, on, *fixed)
        stores = count(planned.stores, on)
        yield Made(program.name, kernel, count(planned.loads, on), stores)


def count(accesses: tuple[Access, ...], on: Mapping[str, bool]) -> int:
    """How many of them are made."""
    return sum(holds(access.guard, on) for access in accesses)


def holds(condition: Condition, on: Mapping[str, bool]) -> bool:
    return any(all(on[atom] == value for atom, value in case) for case in condition.cases)
