"""Every kernel over elements that switches ask for, with what its plan says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.plan import Access, Plan
from optgen.compiler.pipeline import Surroundings, load_all, plan_of, surroundings
from optgen.runtime.kernels import Kernels, built
from tests.numeric.specs import OPTIMIZERS


@dataclass(frozen=True)
class Made:
    """A kernel, the buffers that it loads and stores, and whether it adds elements up."""

    name: str
    kernel: Any
    loads: int
    stores: int
    sums: bool


def passes(optimizer: str, kernels: Kernels, on: Mapping[str, bool], *fixed: Any) -> Iterator[Made]:
    """The kernels with element loops of a table, built for a target's ``fixed`` arguments."""
    for program, planned in zip(kernels.programs, plan(optimizer).programs, strict=True):
        if not program.when(on):
            continue
        for phase, made in zip(program.phases, planned.phases, strict=True):
            if (builder := phase.builder(on)) is not None:
                loads, stores = (
                    count(some, on) for some in (made.passing.loads, made.passing.stores)
                )
                sums = any(holds(one.guard, on) for one in made.passing.numbers)
                yield Made(builder.__name__, built(builder, on, *fixed), loads, stores, sums)


@cache
def plan(optimizer: str) -> Plan:
    (spec,) = load_all([OPTIMIZERS[optimizer]])
    return plan_of(spec, _around())


@cache
def _around() -> Surroundings:
    return surroundings()


def count(accesses: tuple[Access, ...], on: Mapping[str, bool]) -> int:
    """How many of them are made."""
    return sum(holds(access.guard, on) for access in accesses)


def holds(condition: Condition, on: Mapping[str, bool]) -> bool:
    return any(all(on[atom] == value for atom, value in case) for case in condition.cases)
