"""CPU kernels of Adam, plain and with everything on, in several storages."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from optgen.runtime.codes import KINDS
from optgen.runtime.cpu.storage import DRAWN, SPLIT, Formats
from optgen.runtime.kernels import CHECK_FINITE, CONSTRAINED, MATRIX
from tests.numeric.settings import Setting
from tests.numeric.training import new
from tests.performance.kernels import ARGUMENTS, everything
from tests.runtime.passes import Made, passes

_FLOAT32, _BFLOAT16 = "float32", "bfloat16"
#: Columns of both states among buffers, behind those of variables and features.
MEAN, SQUARE = 4, 5


def storages() -> Iterator[tuple[str, ...]]:
    """Each storage of all buffers, and each code of both states."""
    yield from ((one,) * 32 for one in (_FLOAT32, _BFLOAT16, _BFLOAT16 + DRAWN))
    for variable in (_FLOAT32, f"{_BFLOAT16}{SPLIT}8", f"{_BFLOAT16}{SPLIT}16"):
        for signed, unsigned in KINDS.values():
            gradient = variable.partition(" ")[0]
            states = {0: variable, 1: gradient, MEAN: signed.name, SQUARE: unsigned.name}
            yield tuple(states.get(column, _FLOAT32) for column in range(32))


def update_kernels() -> Iterator[Made]:
    """The updates of one thread."""
    for setting in (Setting("adam", "plain", {}), everything("adam")):
        optimizer = new(setting.optimizer, **setting.values)
        fixed = {CHECK_FINITE: False, CONSTRAINED: False, MATRIX: False}
        on = {**optimizer._core.settings.on(), **fixed}
        for columns in storages():
            formats = Formats(np.float32, columns)
            for made in passes(setting.optimizer, optimizer.kernels, on, formats, range):
                if made.name == "update":
                    yield replace(made, name=f"{setting} {', '.join(dict.fromkeys(columns))}")


def functions() -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Names, kernels and the types of their arguments."""
    for made in update_kernels():
        names = inspect.signature(made.kernel.py_func).parameters
        yield made.name, made.kernel, tuple(ARGUMENTS[name] for name in names)
