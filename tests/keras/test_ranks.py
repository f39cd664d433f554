"""Random matrices of another shape than their variable's in operations, beside kernels."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import optgen.optimizers
from optgen.keras import optimizer_class
from tests.zoo.runs import difference, of_ours

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
ARGUMENTS = {"learning_rate": 0.125, "rank": 2}
SHAPES = {"wide": (3, 4), "tall": (5, 2)}


@pytest.mark.parametrize("name", ["APOLLO", "Dion"])
def test_operations_draw_what_kernels_draw(name: str) -> None:
    draw = np.random.default_rng(3)
    first = [draw.normal(size=shape) for shape in SHAPES.values()]
    rows = [[draw.normal(size=shape) for shape in SHAPES.values()] for _ in range(2)]
    named = zip(first, SHAPES, strict=True)
    variables = [keras.Variable(array, name=path, dtype="float64") for array, path in named]
    operations = optimizer_class(getattr(optgen.optimizers, name))(**ARGUMENTS)
    operations.build(variables)
    operations._inside.in_place = None
    after = []
    for row in rows:
        operations.apply([keras.ops.convert_to_tensor(one, "float64") for one in row])
        after.append([keras.ops.convert_to_numpy(variable).copy() for variable in variables])
    # Keras's operations on torch take some numbers in float32.
    assert difference(after, of_ours(name, ARGUMENTS)(first, rows), first) < 1e-5
