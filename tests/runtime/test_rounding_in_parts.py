"""Drawn rounding makes the same bits for any number of threads, and in every part."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import pytest

import optgen
from optgen.runtime.parts import Parts
from tests.chosen import first_of
from tests.extents.formulas import SHAPES
from tests.runtime import test_parallel
from tests.runtime.rounding import BFLOAT16, Array
from tests.runtime.test_shards import Exchange, Shards, built, here, parts_of

pytestmark = pytest.mark.filterwarnings("ignore:no gradient for")
Order = Literal["C", "F"]

TRAIN = """
import hashlib
import ml_dtypes, numba, numpy as np
import optgen.optimizers

def train(threads):
    numba.set_num_threads(threads)
    draw, digest = np.random.default_rng(0), hashlib.sha256()
    def arrays():
        made = [draw.normal(size=form) for form in [(700, 300), (130_001,), (7,), (70, 5000)]]
        made.append(np.asfortranarray(made[0]))
        return [np.asarray(one, ml_dtypes.bfloat16) for one in made]
    for name in ("Adam", "Adafactor"):
        weights = arrays()
        kind = getattr(optgen.optimizers, name)
        optimizer = kind(0.01, rounding=ROUNDING, state_dtype="bfloat16")
        for _ in range(3):
            optimizer.apply(arrays(), weights)
        for array in [*weights, *optimizer.variables]:
            digest.update(array.tobytes())
    return digest.hexdigest()

print(*map(train, (1, 2, 4)))
"""


@pytest.mark.full
@pytest.mark.parametrize("rounding", ["stochastic", "split"])
def test_any_number_of_threads_makes_the_same_bits(rounding: str) -> None:
    program = TRAIN.replace("ROUNDING", repr(rounding))
    first, *others = test_parallel.run(program, NUMBA_NUM_THREADS="4").split()
    assert others == [first, first]


BY_ROWS = '''
name = "RoundedByRows"
[hyperparameters]
learning_rate = { default = 0.1 }
[matrix]
view = "%s"
[state]
smooth = {}
row_size = { shape = "rows", when = "matrix" }
[update]
rule = """
smooth = 0.5*smooth + 0.5*grad
scale = 1
if matrix:
    row_size = row_sum(abs(grad))
    scale = row_size
change = learning_rate*smooth*scale
"""
'''
PLAIN = '''
name = "RoundedPlainly"
[hyperparameters]
learning_rate = { default = 0.1 }
[state]
smooth = {}
[update]
rule = """
smooth = 0.5*smooth + 0.5*grad
change = learning_rate*smooth
"""
'''


@pytest.mark.parametrize("view", first_of(["none", "two largest", "first by rest", "last two"], 2))
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_part_is_rounded_as_the_whole(view: str, order: Order) -> None:
    """The same bits in every rank: noise depends on places in whole variables."""
    draw, exchange = np.random.default_rng(7), Exchange()
    text = PLAIN if view == "none" else BY_ROWS % view
    kind: Any = optgen.compile(text)
    given: Any = {"rounding": "stochastic", "rounding_seed": 9, "state_dtype": "bfloat16"}
    # Whole numbers have sums without rounding errors in any order.
    held, *rows = (
        [draw.integers(-8, 9, shape).astype(BFLOAT16).copy(order) for shape in SHAPES.values()]
        for _ in range(4)
    )

    def run(rank: int | None, given: Any = given) -> list[Array]:
        parts = [None] * len(held) if rank is None else parts_of(rank, order)
        own = [here(array, part).copy(order) for array, part in zip(held, parts, strict=True)]
        shards = None if rank is None else Shards(exchange, rank, parts)
        core, reader = built(kind, own, Parts(whole=shards), **given)
        for row in rows:
            pairs = zip(row, parts, strict=True)
            grads = [here(g, part).copy(order) for g, part in pairs]
            core.take(reader.read(dict(zip(SHAPES, grads, strict=True)), None))
        return own

    wanted = run(None)
    odd = run(None, {**given, "rounding_seed": 10})
    assert sum(np.sum(one != other) for one, other in zip(wanted, odd, strict=True)) > 20
    with ThreadPoolExecutor(3) as threads:
        found = [*threads.map(run, range(3))]
    for rank, own in enumerate(found):
        for one, other, part in zip(own, wanted, parts_of(rank), strict=True):
            assert np.array_equal(one, here(other, part))
