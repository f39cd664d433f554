"""The CPU kernels whose code is looked at: each optimizer and own switch, and each feature once."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numba import types

from optgen.compiler.ir.expression import Operation, walk
from optgen.runtime.cpu.storage import Formats
from optgen.runtime.kernels import CHECK_FINITE, CONSTRAINED, MATRIX
from tests.numeric.settings import ALONE, FEATURE_VALUES, OWN_VALUES, Setting
from tests.numeric.specs import FEATURES
from tests.numeric.training import new
from tests.runtime.passes import Made, passes, plan

_TABLE, _LIST, _NUMBERS = types.int64[:, ::1], types.int64[::1], types.float64[:, ::1]
#: The types of what the engine launches kernels with.
ARGUMENTS = {
    "chunks": _TABLE,
    "addresses": _TABLE,
    "rows": _LIST,
    "scalars": _NUMBERS,
    "factors": _NUMBERS,
    "sums": _NUMBERS,
    "partial": _NUMBERS,
}


def settings() -> Iterator[Setting]:
    """Of rules whose loops call no function: a power is one."""
    yield from (setting for setting in ALONE if not calls(setting))
    yield everything("adam")


def calls(setting: Setting) -> bool:
    """Whether the loop of an update raises elements to a power."""
    assignments = plan(setting.optimizer).programs[0].elements.assignments
    nodes = (node for item in assignments for node in walk(item.expression))
    return any(isinstance(node, Operation) and node.operator == "**" for node in nodes)


def everything(optimizer: str) -> Setting:
    """All switches and features on; of those that exclude each other, one."""
    values = dict(OWN_VALUES[optimizer][-1])
    one_of_each = {table.get("exclusive", name): name for name, table in sorted(FEATURES.items())}
    for name in one_of_each.values():
        values |= FEATURE_VALUES[name][-1]
    return Setting(optimizer, "everything", values)


def element_kernels() -> Iterator[Made]:
    """The kernels with element loops, in float32 and for one thread."""
    formats = Formats(np.float32, ("float32",) * 32)
    for setting in settings():
        optimizer = new(setting.optimizer, **setting.values)
        checked = setting.label == "everything"
        fixed = {CHECK_FINITE: checked, CONSTRAINED: False, MATRIX: False}
        on = {**optimizer._core.settings.on(), **fixed}
        for made in passes(setting.optimizer, optimizer.kernels, on, formats, range):
            yield replace(made, name=f"{setting} {made.name}")


def functions() -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Names, kernels and the types of their arguments."""
    for made in element_kernels():
        names = inspect.signature(made.kernel.py_func).parameters
        yield made.name, made.kernel, tuple(ARGUMENTS[name] for name in names)
