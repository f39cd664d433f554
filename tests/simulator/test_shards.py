"""Parts of variables on devices draw the random numbers of whole ones on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import optgen
from optgen.runtime.cuda.arrays import on_device
from optgen.runtime.parts import Parts
from tests.extents.formulas import SHAPES, drawn
from tests.runtime.test_random_numbers import DRAWN
from tests.runtime.test_shards import RANKS, Exchange, Shards, built, here, parts_of

pytestmark = pytest.mark.filterwarnings("ignore:no gradient for")


def test_a_part_on_a_device_draws_the_numbers_of_the_whole_on_the_host() -> None:
    held, rows = drawn(2)
    kind: Any = optgen.compile(DRAWN)
    whole = [array.copy() for array in held]
    core, reader = built(kind, whole, Parts())
    for row in rows:
        core.take(reader.read(dict(zip(SHAPES, row, strict=True)), None))
    assert core.model is not None
    for rank in range(RANKS):
        parts = parts_of(rank)
        own: Any = [on_device(here(a, part)) for a, part in zip(held, parts, strict=True)]
        other, other_reader = built(kind, own, Parts(whole=Shards(Exchange(), rank, parts)))
        for row in rows:
            pairs = zip(row, parts, strict=True)
            grads = [None if g is None else on_device(here(g, part)) for g, part in pairs]
            other.take(other_reader.read(dict(zip(SHAPES, grads, strict=True)), None))
        assert other.model is not None
        for k, part in enumerate(parts):
            even = other.model.state_of(k)["even"]
            assert np.array_equal(even.copy_to_host(), here(core.model.state_of(k)["even"], part))
            np.testing.assert_allclose(own[k].copy_to_host(), here(whole[k], part), rtol=2e-5)
