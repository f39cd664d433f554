"""Faults are told where they are known to be."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from tests.performance.compiling import IS_X86_64, compiled
from tests.performance.faults import faults
from tests.performance.loops import Loop, hot_loop

pytestmark = pytest.mark.skipif(
    not IS_X86_64, reason="Numba compiles for the architecture that it runs on"
)

NOT_VECTORISED = r"moves \d elements? at a time, not \d"


@pytest.fixture(scope="module")
def loops() -> Mapping[str, Loop | None]:
    code = compiled("tests.performance.samples").assembly
    return {name: hot_loop(text) for name, text in code.items()}


@pytest.mark.parametrize("name", ["plain", "two_cases", "elementary", "total"])
def test_nothing_is_wrong(loops: Mapping[str, Loop | None], name: str) -> None:
    loads, stores = {
        "plain": (2, 1),
        "two_cases": (2, 2),
        "elementary": (2, 1),
        "total": (1, 0),
    }[name]
    assert not faults(loops[name], loads, stores, sums=not stores)


@pytest.mark.parametrize(
    ("name", "loads", "fault"),
    [
        ("plain", 1, "loads 2 times an element, but its plan says 1"),
        ("double_literal", 2, r"computes in float64: vcvtps2pd\b"),
        ("power", 1, "calls a function: call"),
        ("carried", 1, NOT_VECTORISED),
        ("one_by_one", 2, NOT_VECTORISED),
    ],
)
def test_what_is_wrong_is_told(
    loops: Mapping[str, Loop | None], name: str, loads: int, fault: str
) -> None:
    found = faults(loops[name], loads, 1)
    assert any(re.match(fault, one) for one in found), found


def test_a_sum_in_order_is_not_vectorised(loops: Mapping[str, Loop | None]) -> None:
    (fault,) = faults(loops["total_in_order"], 1, 0, sums=True)
    assert re.match(NOT_VECTORISED, fault)


def test_a_loop_that_sums_is_in_float64(loops: Mapping[str, Loop | None]) -> None:
    lanes, doubles = faults(loops["total"], 1, 0)
    assert re.match(NOT_VECTORISED, lanes)
    assert doubles.startswith("computes in float64")
    (lanes,) = faults(loops["plain"], 2, 1, sums=True)
    assert re.match(NOT_VECTORISED, lanes)


def test_a_store_too_many_is_told(loops: Mapping[str, Loop | None]) -> None:
    assert faults(loops["two_cases"], 2, 1) == ["stores 2 times an element, but its plan says 1"]


def test_a_loop_that_is_missing_is_told() -> None:
    assert faults(hot_loop("ret"), 1, 1) == ["no loop over elements was found"]
