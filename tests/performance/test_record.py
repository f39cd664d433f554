"""Changes of what was approved are told, and explain themselves."""

from __future__ import annotations

from pathlib import Path

from tests.performance.loops import Loop
from tests.performance.record import Counts, Record, changes, counts, read, write

VERSIONS = {"numba": "1", "llvm": "2"}
APPROVED = Record(VERSIONS, {"update": Counts(20, 0), "absent": Counts(5.5, 2)})


def now(**kernels: Counts) -> Record:
    return Record(VERSIONS, {**APPROVED.kernels, **kernels})


def test_within_the_tolerance_nothing_is_told() -> None:
    assert not changes(now(update=Counts(22, 0), absent=Counts(5, 2)), APPROVED)


def test_worse_and_better_are_told() -> None:
    assert changes(now(update=Counts(23, 0)), APPROVED) == [
        "update: 23 instructions for 8 elements, 20 were approved (tolerance 10%); worse"
    ]
    (better,) = changes(now(update=Counts(17, 0)), APPROVED)
    assert better.endswith("better: hold it by --approve")
    (spilled,) = changes(now(update=Counts(20, 1)), APPROVED)
    assert spilled.startswith("update: 1 spills for 8 elements, 0 were approved")


def test_kernels_come_and_go() -> None:
    assert changes(now(fresh=Counts(1, 0)), APPROVED) == ["fresh: new"]
    assert changes(APPROVED, now(old=Counts(1, 0))) == ["old: approved, but no kernel any more"]


def test_other_versions_are_named_where_something_differs() -> None:
    other = {**VERSIONS, "llvm": "3"}
    assert not changes(Record(other, APPROVED.kernels), APPROVED)
    found = changes(Record(other, now(update=Counts(30, 0)).kernels), APPROVED)
    assert found[-1] == "compiled by numba 1, llvm 3, but approved with numba 1, llvm 2"


def test_unrolling_makes_no_difference() -> None:
    body = ("vmovups (%rdi,%rax,4), %ymm0", "vmulps 8(%rsp), %ymm0, %ymm0")
    once = Loop((*body, *body, "addq $8, %rax", "jne .L"))
    twice = Loop((*body * 4, "addq $16, %rax", "jne .L"))
    assert counts(once) == Counts(6, 2)
    assert counts(twice) == Counts(5, 2)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    write(APPROVED, tmp_path / "approved.json")
    assert read(tmp_path / "approved.json") == APPROVED
