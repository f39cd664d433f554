"""The plans of optimizers that are unlike others, as a person has read and approved them.

After an intended change: ``pytest tests/golden --approve``, then read the diff.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from optgen.cli.stage_pages import plan_page
from optgen.compiler.pipeline import Surroundings, load_all, plan_of, surroundings
from tests.numeric.specs import COMPILED

APPROVED = Path(__file__).parent
#: Rules with functions of matrices, which no test runs as built-in ones: products with a square of
#: the fewer of rows and columns, and squares as states that some calls change.
MATRICES = APPROVED.parent / "analysis" / "prove" / "matrices"
PLANNED = {**COMPILED, **{name: MATRICES / f"{name}.toml" for name in ("ortho", "rooted")}}


@pytest.fixture(scope="module")
def around() -> Surroundings:
    return surroundings()


@pytest.mark.parametrize("name", PLANNED)
def test_plan_is_the_approved_one(name: str, around: Surroundings, approve: bool) -> None:
    (spec,) = load_all([PLANNED[name]])
    page = plan_page(plan_of(spec, around))
    approved = APPROVED / f"{name}.txt"
    if approve:
        approved.write_text(page, encoding="utf-8")
    assert page == approved.read_text(encoding="utf-8")


def test_no_approved_plan_is_left_over() -> None:
    assert {p.stem for p in APPROVED.glob("*.txt")} == {*PLANNED}
