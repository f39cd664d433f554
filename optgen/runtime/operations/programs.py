"""A program over variables whose arrays operations replace, phase by phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from optgen.runtime.kernels import Builder, Phase, Program

Arrays = dict[str, Any]


class Variable(Protocol):
    """A variable of a call, with its arrays and numbers by name."""

    @property
    def on(self) -> Mapping[str, bool]:
        """Its switches."""

    def run(self, phase: Phase, builder: Builder) -> Arrays:
        """Run the pass of a phase; returns its part of sums over all variables."""

    def add(self, values: Arrays) -> None:
        """Take numbers of the whole optimizer."""

    def compute(self, builder: Builder) -> None:
        """Compute its numbers between two passes."""

    def call_libraries(self, phase: Phase, shapes: Mapping[str, str]) -> None:
        """Call the functions of matrices of a phase."""

    def keep(self, program: Program) -> None:
        """Take over the numbers and vectors that persist."""


class Shared(Protocol):
    """What all variables of a call share."""

    def add(self, values: Arrays) -> None:
        """Take sums over all variables."""

    def compute(self, builder: Builder) -> Arrays:
        """Compute the numbers of the optimizer between two passes."""

    def keep(self, program: Program) -> None:
        """Take over the numbers that persist."""


def run(
    program: Program, variables: Sequence[Variable], shared: Shared, scratch: Mapping[str, str]
) -> None:
    """Run a program over variables; ``scratch`` has the shapes of scratch matrices."""
    chosen = [variable for variable in variables if program.when(variable.on)]
    if not chosen:
        return
    for phase in program.phases:
        has_passed = any(phase.builder(variable.on) is not None for variable in chosen)
        if not has_passed and phase.is_pass and not phase.is_due_anyway:
            continue
        totals = _pass(phase, chosen)
        shared.add(totals)
        if phase.shared is not None:
            totals |= shared.compute(phase.shared)
        for variable in chosen:
            variable.add(totals)
            if phase.scalars is not None:
                variable.compute(phase.scalars)
            variable.call_libraries(phase, scratch)
    shared.keep(program)
    for variable in chosen:
        variable.keep(program)


def _pass(phase: Phase, variables: Sequence[Variable]) -> Arrays:
    """Run the pass of a phase; returns sums over all variables."""
    totals: Arrays = {}
    for variable in variables:
        builder = phase.builder(variable.on)
        parts = {} if builder is None else variable.run(phase, builder)
        for name, part in parts.items():
            totals[name] = totals[name] + part if name in totals else part
    return totals
