"""Twenty steps from a converted checkpoint are those of an uninterrupted run, both ways."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from optgen.checkpoints.convert import convert
from optgen.checkpoints.tables import libraries, library
from tests.checkpoints.cases import CASES, Case
from tests.checkpoints.runs import Run, of_ours, start
from tests.zoo.runs import plain_class

pytestmark = [
    pytest.mark.usefixtures("python_kernels"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*was written by another version"),
]
TOLERANCE = 1e-9
BEFORE, BETWEEN, AFTER = range(10), range(10, 30), range(30, 50)


def entry_of(case: Case) -> Any:
    return next(one for one in library(case.library).entries if one.name == case.name)


def close(one: Run, other: Run, first: list[Any], tolerance: float) -> None:
    """Values differ by a small part of the way that elements have gone at most."""
    for mine, its, before in zip(one.values(), other.values(), first, strict=True):
        way = np.abs(its - before) + 1e-3
        assert np.max(np.abs(mine - its) / way) <= tolerance


def ours_for(case: Case, first: Any, given: Any, state: Any) -> Run:
    """An optimizer here with the same switches and another learning rate, with the state."""
    rule = plain_class(entry_of(case).rule.__name__)
    options = convert(state, "optgen", **given, like=of_ours(rule, {})(first).like).options
    made = of_ours(rule, {**options, "learning_rate": 0.5, **case.own})(first)
    made.load(convert(state, "optgen", **given, like=made.like).state)
    return made


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_state_goes_on_here_and_back(case: Case) -> None:
    first = start()
    theirs = case.make(first)
    theirs.go(BEFORE)
    given: dict[str, Any] = {"source": case.library, "rule": case.name}
    if case.library == "optax":
        given["options"] = case.options
    with jax.enable_x64(True):
        middle = theirs.values()
        ours = ours_for(case, middle, given, theirs.state())
        for one in (theirs, ours):
            one.go(BETWEEN)
        close(ours, theirs, middle, case.tolerance)
        back = case.make(ours.values())
        back.load(convert(ours.like, case.library, rule=case.name, like=back.like).state)
        for one in (back, ours):
            one.go(AFTER)
        close(back, ours, middle, case.tolerance)


def test_every_table_has_a_case() -> None:
    there = {(case.library, case.name) for case in CASES}
    for name in libraries():
        for one in library(name).entries:
            assert name == "optgen" or (name, one.name) in there or one.rule.fallback


def test_what_is_special_has_a_reason() -> None:
    assert all(case.note for case in CASES if case.tolerance > TOLERANCE)
