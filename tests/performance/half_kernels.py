"""CPU kernels of variables and states in half precision."""

from __future__ import annotations

import inspect
from collections.abc import Container, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from optgen.runtime.cpu.storage import Formats
from optgen.runtime.kernels import CHECK_FINITE, CONSTRAINED, MATRIX
from tests.numeric.settings import Setting
from tests.numeric.training import new
from tests.performance.kernels import ARGUMENTS, everything
from tests.runtime.passes import Made, passes

RULES = ("sgd", "rmsprop", "adadelta", "adamax", "adam", "lion")
#: Arguments with which rules are as they are mostly used.
GIVEN: dict[str, dict[str, Any]] = {"sgd": {"momentum": 0.9}}


def element_kernels(rules: Container[str] = RULES) -> Iterator[Made]:
    """The updates of one thread: plain in bfloat16 and float16, one with everything on."""
    plain = [Setting(rule, "plain", GIVEN.get(rule, {})) for rule in RULES]
    pairs = [(one, "bfloat16") for one in (*plain, everything("adam"))]
    for setting, storage in [*pairs, (plain[4], "float16")]:
        if setting.optimizer not in rules:
            continue
        optimizer = new(setting.optimizer, **setting.values)
        fixed = {CHECK_FINITE: False, CONSTRAINED: False, MATRIX: False}
        on = {**optimizer._core.settings.on(), **fixed}
        formats = Formats(np.float32, (storage,) * 32)
        for made in passes(setting.optimizer, optimizer.kernels, on, formats, range):
            if made.name == "update":
                yield replace(made, name=f"{setting} {storage}")


def functions() -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Names, kernels and the types of their arguments."""
    for made in element_kernels():
        names = inspect.signature(made.kernel.py_func).parameters
        yield made.name, made.kernel, tuple(ARGUMENTS[name] for name in names)
