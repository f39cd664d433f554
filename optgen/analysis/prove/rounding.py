"""Domain errors by rounding: short runs in float32, as kernels compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from optgen.analysis.prove.domains import Demand, asked
from optgen.analysis.prove.float32 import Array, Parts, Values, arrive, can_be_run, start, value
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.proof import Finding, Group, Verdict
from optgen.compiler.ir.rule import GRAD

#: Magnitudes of gradients, relative noise levels, and the number of steps; runs are made in
#: parallel.
SIZES, NOISES, STEPS = (0.1, 1.0, 3.0, 10.0, 100.0, 1000.0), (0.0, 1e-6, 1e-5, 1e-4, 1e-2), 300


def rounding(variant: Variant, defaults: Mapping[str, float]) -> Iterator[Finding]:
    """A finding for each operand that leaves its domain by float32 rounding in a short run."""
    if not can_be_run(variant):
        return
    with np.errstate(all="ignore"):
        for demand, values, reached in _run(variant, defaults):
            yield _finding(variant, demand, values, reached)


def _gradients() -> Array:
    """One row per step, with the gradient of each run; runs are sorted by magnitude, ascending."""
    draw = np.random.default_rng(0)
    size, noise = (np.ravel(part) for part in np.meshgrid(SIZES, NOISES, indexing="ij"))
    return (size * (1 + noise * draw.uniform(-1, 1, (STEPS, size.size)))).astype(np.float32)


def _run(variant: Variant, defaults: Mapping[str, float]) -> Iterator[tuple[Demand, Values, float]]:
    """The first domain violation of each operand, with the values at the start of its step."""
    rows = _gradients()
    values = start(variant, defaults, rows.shape[1])
    demands = plain_demands(variant)
    told: set[str] = set()
    for number, row in enumerate(rows, start=1):
        arrive(values, row, number)
        before = dict(values)
        for step, own in zip(variant.assignments, demands, strict=True):
            parts: Parts = {}
            values[step.target] = value(step.expression, values, parts, variant.elements)
            for demand in own:
                if demand.what in told:
                    continue
                operand = np.broadcast_to(parts[id(demand.operand)], row.shape)
                out = np.flatnonzero(leaves(operand, demand.sign))
                if out.size:
                    told.add(demand.what)
                    # Among all violating runs, report the one with the smallest gradients.
                    yield demand, _column(before, int(out[0])), float(operand[out[0]])


def plain_demands(variant: Variant) -> list[list[Demand]]:
    """The domain conditions of each assignment, without the guards of enclosing choices."""
    return [
        [demand for demand in asked(step.expression, ()) if not demand.guards]
        for step in variant.assignments
    ]


def _column(values: Values, run: int) -> Values:
    return {name: one[run] if np.ndim(one) else one for name, one in values.items()}


def leaves(value: Array, sign: str) -> Any:
    """A mask of the values that violate a domain condition."""
    if sign == "!= 0":
        return value == 0
    return value < 0 if sign == ">= 0" else value <= 0


def _finding(variant: Variant, demand: Demand, values: Values, value: float) -> Finding:
    shown = [GRAD, *(state.name for state in variant.states)]
    numbers = {name: float(values[name]) for name in shown}
    listed = ", ".join(f"{name} = {numbers[name]!r}" for name in shown)
    reason = f"{listed} bring it to {value!r} by rounding"
    statement = f"in float32 {demand.what} is defined"
    return Finding(
        Group.FLOAT32,
        statement,
        Verdict.REFUTED,
        demand.location,
        variant.label,
        reason,
        numbers,
        fault=f"in float32 {demand.what} may be undefined",
    )
