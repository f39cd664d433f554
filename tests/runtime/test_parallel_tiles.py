"""Passes over matrices give the same bits for any number of threads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chosen import first_of
from tests.runtime.test_parallel import run

SPEC = """
name = "Tiled"
summary = "Reduces rows and columns, and reads both."

[matrix]
view = "last two"

[state]
of_rows = { shape = "rows", when = "matrix" }
of_columns = { shape = "columns", when = "matrix" }

[update]
rule = '''
scale = abs(grad)
if matrix:
    of_rows = 0.9*of_rows + row_mean(grad**2)
    of_columns = 0.9*of_columns + column_sum(abs(grad))
    scale = of_rows*of_columns
param = param - learning_rate*grad/(scale + 1)
'''
"""
#: Reduces matrices and all variables too, by sums and by the largest element.
MORE = """
name = "TiledMore"

[matrix]
view = "last two"

[state]
of_rows = { shape = "rows", when = "matrix" }
of_columns = { shape = "columns", when = "matrix" }
of_tensor = { shape = "tensor" }
of_all = { shape = "optimizer" }

[update]
rule = '''
of_all = 0.5*of_all + global_norm(grad)
if matrix:
    of_rows = 0.9*of_rows + row_mean(grad**2)
    of_columns = max(0.9*of_columns, column_sum(abs(grad))) + column_largest(grad)
    scale = of_rows*of_columns/(mean(of_rows) + column_mean(of_rows) + 1e-3)
else:
    scale = abs(grad)
of_tensor = of_tensor + norm(param - learning_rate*grad/(scale + 1))
param = param - learning_rate*grad*of_tensor/(of_all*(scale + 1))
'''
"""
#: Trains matrices of several tiles: wide, high, many, one in another order of memory, and a vector.
TRAIN = """
import hashlib, sys
import numba, numpy as np
import optgen

def arrays(draw):
    shapes = [(70, 5000), (9000, 33), (5, 300, 200), (40_001,)]
    made = [draw.normal(size=s) for s in shapes]
    made.append(np.asfortranarray(draw.normal(size=(700, 300))))
    return [np.asarray(one, np.float32) for one in made]

def train(threads):
    numba.set_num_threads(threads)
    draw = np.random.default_rng(0)
    variables = arrays(draw)
    optimizer = optgen.compile(PATH)(learning_rate=0.1)
    optimizer.build(variables)
    for _ in range(3):
        optimizer.apply(arrays(draw))
    digest = hashlib.sha256()
    for array in [*variables, *optimizer.variables]:
        assert np.isfinite(array).all()
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()

print(*map(train, (1, 2, 3, 4)))
"""


@pytest.mark.parametrize("spec", first_of([SPEC, MORE], 1), ids=["few", "more"])
def test_tiles_give_the_same_bits_for_any_number_of_threads(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "tiled.toml"
    path.write_text(spec, encoding="utf-8")
    found = run(TRAIN.replace("PATH", repr(str(path))), NUMBA_NUM_THREADS="4").split()
    assert len(found) == 4
    assert {*found} == {found[0]}
