"""Compiled kernels in every storage, beside a wide run that is rounded after each call."""

from __future__ import annotations

import zlib
from itertools import product
from typing import Any

import numpy as np
import pytest

import optgen.optimizers
from tests.chosen import rest_in_full
from tests.numeric.settings import AT_RANDOM, Setting
from tests.numeric.specs import OPTIMIZERS, read
from tests.numeric.storages import STORAGES, WIDE, Twins
from tests.numeric.training import gradients, variables

CALLS = 6
#: Each pair is a compilation, with a rule and features that are compiled for others anyway.
CROSSED = [
    (setting, dtype, storage)
    for setting, (dtype, storage) in zip(AT_RANDOM * 2, product(WIDE, STORAGES), strict=False)
    if (dtype, storage) != (np.dtype(np.float32), "wide")
]


def is_chosen(one: tuple[Setting, Any, str]) -> bool:
    """Each dtype and each storage once: Python runs all pairs around every rule."""
    _, dtype, storage = one
    return [*WIDE].index(dtype) == [*STORAGES].index(storage)


@pytest.mark.parametrize(("setting", "dtype", "storage"), rest_in_full(CROSSED, is_chosen), ids=str)
def test_states_are_those_of_a_wide_run(setting: Setting, dtype: Any, storage: str) -> None:
    draw = np.random.default_rng(zlib.crc32(f"{setting} {dtype} {storage}".encode()))
    held = {path: array.astype(dtype) for path, array in variables(draw, np.float64).items()}
    kind = getattr(optgen.optimizers, read(OPTIMIZERS[setting.optimizer])["name"])
    twins = Twins(kind, held, STORAGES[storage], setting.values)
    for row in gradients(draw, list(held.values()), CALLS):
        twins.apply(row)
    assert not twins.differences()
