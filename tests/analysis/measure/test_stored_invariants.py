"""Which invariants of states survive encoding, beside many encoded numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optgen.analysis.measure.settings import settings
from optgen.analysis.measure.storage import in_storage
from optgen.analysis.measure.storage.runs import Memory
from optgen.compiler.ir.formats import BFLOAT16
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.storage import Rounding, Stored
from optgen.compiler.pipeline import load_file, plan_of
from tests.analysis.measure.plans import AROUND

RULE = '''
name = "Kept"
summary = "States with invariants of each kind."
[hyperparameters]
learning_rate = { default = 0.1 }
decay = { default = 0.999, range = "0 <= decay < 1" }
[state]
size = { invariant = "size >= 0" }
largest = { invariant = "largest >= size" }
positive = { initial = 1.0, invariant = "positive > 0" }
middle = { invariant = "middle**2 <= size" }
odd = { initial = 0.1, invariant = "odd >= 0.1" }
half = { initial = 0.5, invariant = "half >= 0.5" }
[update]
rule = """
size = decay*size + (1 - decay)*grad**2
middle = decay*middle + (1 - decay)*grad
largest = max(largest, size)
positive = max(decay*positive, abs(grad))
odd = max(odd, abs(grad))
half = max(half, abs(grad))
param = param - learning_rate*middle/(sqrt(largest) + positive + odd + half)
"""
'''
HALF, CODES = Stored(states="bfloat16"), Stored(states="int8")
DRAWN = Stored(BFLOAT16, BFLOAT16, "bfloat16", Rounding.STOCHASTIC)
SMALL = Stored(states="float16")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    path: Path = tmp_path_factory.mktemp("kept") / "kept.toml"
    path.write_text(RULE, encoding="utf-8")
    return plan_of(load_file(path), AROUND)


@pytest.mark.parametrize(
    ("stored", "broken"),
    [
        (HALF, set()),
        (SMALL, {"odd >= 0.1", "positive > 0"}),
        (DRAWN, {"odd >= 0.1"}),
        (CODES, {"odd >= 0.1", "half >= 0.5"}),
    ],
    ids=["bfloat16", "float16", "drawn", "codes"],
)
def test_invariants_that_rounding_may_break(kept: Plan, stored: Stored, broken: set[str]) -> None:
    found = in_storage(kept, stored).invariants
    assert len(found) == 6
    assert {one.statement for one in found if not one.survives} == broken


@pytest.mark.parametrize("stored", [HALF, SMALL, DRAWN, CODES], ids=str)
def test_verdicts_on_invariants_are_those_of_many_numbers(kept: Plan, stored: Stored) -> None:
    """What survives holds for all of many encoded states; what may break does for some.

    States that are compared stay float32, as which they are computed here.
    """
    (setting,) = settings(kept)
    memory, draw = Memory(setting, stored), np.random.default_rng(0)
    broken: set[str] = set()
    for wide in 2.0 ** draw.uniform(-24, 4, 4000):
        size = float(np.float32(wide))
        near = size * (1 + 0.002 * draw.random())
        found = memory.kept(
            {
                "size": size,
                "largest": near,
                "positive": size * 2.0**-16,
                "middle": float(np.float32(np.sqrt(size) * (1 - 2.0**-23))),
                "odd": 0.1,
                "half": 0.5,
            }
        )
        assert found["size"] >= 0
        broken |= {"largest >= size"} if found["largest"] < found["size"] else set()
        broken |= {"middle**2 <= size"} if found["middle"] ** 2 > found["size"] else set()
        broken |= {"positive > 0"} if found["positive"] <= 0 else set()
        broken |= {"odd >= 0.1"} if found["odd"] < 0.1 else set()
        broken |= {"half >= 0.5"} if found["half"] < 0.5 else set()
    told = {one.statement for one in in_storage(kept, stored).invariants if not one.survives}
    assert broken == told
