"""Blocks of matrices in operations of Keras, beside kernels."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import optgen
from optgen.keras import optimizer_class

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("python_kernels"),
]
SHAPES = {"down": (8, 3), "across": (4, 8), "both": (8, 8), "kernel": (8, 2, 2, 3), "bias": (5,)}


def test_operations_have_the_same_blocks() -> None:
    draw = np.random.default_rng(3)
    held = {path: draw.normal(size=shape) for path, shape in SHAPES.items()}
    variables = [keras.Variable(array, name=path, dtype="float64") for path, array in held.items()]
    rule = optgen.compile("shampoo")
    kernels, operations = rule(block_size=4), optimizer_class(rule)(block_size=4)
    kernels.build(held)
    operations.build(variables)
    for _ in range(3):
        row = [draw.normal(size=shape) for shape in SHAPES.values()]
        kernels.apply(row)
        operations.apply([keras.ops.convert_to_tensor(one, "float64") for one in row])
    for variable, array in zip(variables, held.values(), strict=True):
        found = keras.ops.convert_to_numpy(variable)
        np.testing.assert_allclose(found, array, rtol=1e-6, err_msg=variable.name)
    (product,) = (one for one in operations.variables if one.path.endswith("both_left_product"))
    wanted = kernels.state["both"]["left_product"]
    assert wanted.shape == (4, 4, 4)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(product), wanted, rtol=1e-6)
