"""Every kernel over elements that switches ask for, with what its plan says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.plan import Access, Plan
from optgen.compiler.pipeline import load_all, plan_of, surroundings
from optgen.runtime.kernels import Kernels, built
from tests.numeric.specs import OPTIMIZERS


@dataclass(frozen=True)
class Made:
    """A kernel, and the buffers that it loads and stores."""

    name: str
    kernel: Any
    loads: int
    stores: int


def passes(optimizer: str, kernels: Kernels, on: Mapping[str, bool], *fixed: Any) -> Iterator[Made]:
    """The kernels with element loops of a table, built for a target's ``fixed`` arguments."""
    for program, planned in zip(kernels.programs, plan(optimizer).programs, strict=True):
        if not program.when(on):
            continue
        pairs = zip(program.phases, planned.phases, strict=True)
        stages = [(one.over(on), phase.elements) for one, phase in pairs]
        running = [(builder, stage) for builder, stage in stages if builder and stage]
        for number, (builder, stage) in enumerate(running, start=1):
            kernel = built(builder, on, *fixed)
            name = f"{program.name}_sums" + (f"_{number}" if len(running) > 2 else "")
            name = program.name if number == len(running) else name
            yield Made(name, kernel, count(stage.loads, on), count(stage.stores, on))


@cache
def plan(optimizer: str) -> Plan:
    (spec,) = load_all([OPTIMIZERS[optimizer]])
    return plan_of(spec, surroundings())


def count(accesses: tuple[Access, ...], on: Mapping[str, bool]) -> int:
    """How many of them are made."""
    return sum(holds(access.guard, on) for access in accesses)


def holds(condition: Condition, on: Mapping[str, bool]) -> bool:
    return any(all(on[atom] == value for atom, value in case) for case in condition.cases)
