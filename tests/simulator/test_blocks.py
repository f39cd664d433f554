"""Blocks of matrices on a simulated device, beside the host."""

from __future__ import annotations

import numpy as np
import pytest

import optgen
from optgen.runtime.cuda.arrays import on_device
from tests.runtime.cuda.arrays import all_on_device
from tests.simulator.test_matrix_calls import library  # noqa: F401

SHAPES = {"down": (8, 3), "across": (4, 8), "both": (8, 8), "bias": (5,)}


@pytest.mark.usefixtures("library")
def test_a_device_has_the_same_blocks() -> None:
    draw = np.random.default_rng(3)
    held = {path: draw.normal(size=shape) for path, shape in SHAPES.items()}
    device = all_on_device(held)
    make = optgen.compile("shampoo")
    host, other = make(block_size=4), make(block_size=4)
    host.build(held)
    other.build(device)
    for _ in range(3):
        row = [draw.normal(size=shape) for shape in SHAPES.values()]
        host.apply(row)
        other.apply([on_device(gradient) for gradient in row])
    for path, array in held.items():
        np.testing.assert_allclose(device[path].copy_to_host(), array, rtol=1e-9, err_msg=path)
