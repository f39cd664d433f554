"""Every CUDA kernel that a setting of an optimizer can need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from optgen.runtime.cpu.storage import Formats
from optgen.runtime.kernels import CHECK_FINITE, CONSTRAINED, MATRIX, Kernels
from tests.numeric.settings import Setting
from tests.numeric.training import new
from tests.runtime.passes import Made, passes

REALS: Mapping[str, Any] = {"float32": np.float32, "float64": np.float64}


def kernels_of(setting: Setting) -> tuple[Kernels, dict[str, bool]]:
    """The table of an optimizer's CUDA kernels, and the switches as the setting turns them."""
    optimizer = new(setting.optimizer, **setting.values)
    kernels = type(optimizer).kernels_of("cuda")
    on = {**optimizer._core.settings.on(), CHECK_FINITE: False, CONSTRAINED: False, MATRIX: False}
    return kernels, {**on, "alone": True, "deferred": False}


def formats(kernels: Kernels, real: str, stored: str = "", state: str = "") -> Formats:
    """How parameters and gradients are ``stored``, and all else; by default as ``real``."""
    of_variables = ("param", "grad")
    columns = [stored if name in of_variables else state for name in kernels.buffers]
    return Formats(REALS[real], tuple(one or real for one in columns))


def element_kernels(
    setting: Setting, real: str, stored: str = "", state: str = "", **more: bool
) -> Iterator[Made]:
    """The kernels with element loops; ``more`` turns switches of the runtime."""
    kernels, on = kernels_of(setting)
    fixed = formats(kernels, real, stored, state), 16 // np.dtype(real).itemsize, 256
    return passes(setting.optimizer, kernels, {**on, **more}, *fixed, kernels.widths)
