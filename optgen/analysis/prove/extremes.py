"""Limits of float32: gradients that overflow, and small constants that are lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

import numpy as np

from optgen.analysis.prove.domains import Demand
from optgen.analysis.prove.float32 import (
    Array,
    Parts,
    Values,
    apply,
    arrive,
    can_be_run,
    start,
    value,
)
from optgen.analysis.prove.rounding import leaves, plain_demands
from optgen.analysis.prove.safety_constants import is_any_positive
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import Expression, Operation, text
from optgen.compiler.ir.problem import Location
from optgen.compiler.ir.proof import Finding, Group, Verdict
from optgen.compiler.ir.rule import GRAD

#: Numbers with one significant digit, from 1 to the largest that float32 represents.
GRADIENTS = [float(f"{digit}e{exponent}") for exponent in range(38) for digit in range(1, 10)]
#: Negative decimal exponents of the values of a small number, from its default downwards.
EXPONENTS = range(8, 61)
#: Factors that a small number is enlarged by.
_LARGER = (1e4, 1e8, 1e16, 1e24)


def overflow(variant: Variant, defaults: Mapping[str, float]) -> Iterator[Finding]:
    """A finding for the first-step operation that overflows at the smallest gradient."""
    if not can_be_run(variant):
        return
    row = np.array(GRADIENTS, np.float32)
    values = start(variant, defaults, row.size)
    arrive(values, row, 1)
    found: list[tuple[int, Expression, Location]] = []
    for step in variant.assignments:

        def note(part: Operation, result: Any, place: Location = step.location) -> None:
            out = np.flatnonzero(~np.isfinite(np.broadcast_to(result, row.shape)))
            if out.size:
                found.append((int(out[0]), part, part.location if part.location.line else place))

        with np.errstate(all="ignore"):
            values[step.target] = _watched(step.expression, values, note, variant.elements)
    if not found:
        return
    column, part, location = min(found, key=lambda one: one[0])
    statement = f"in float32 {text(part)} has room for every gradient"
    gradient = GRADIENTS[column]
    reason = f"in a first step it overflows from {GRAD} = {gradient:g} on"
    yield _told(Group.OVERFLOW, variant, statement, location, reason, {GRAD: gradient})


def _watched(expression: Expression, values: Values, note: Any, elements: Set[int]) -> Any:
    """The value of an expression; records each operation in it, in postorder."""
    if not isinstance(expression, Operation):
        return value(expression, values, {}, elements)
    inner = [_watched(operand, values, note, elements) for operand in expression.operands]
    result = apply(expression, inner, elements)
    note(expression, result)
    return result


def underflow(variant: Variant, defaults: Mapping[str, float]) -> Iterator[Finding]:
    """A finding for each operation that is undefined after float32 underflow of a small number."""
    if not can_be_run(variant):
        return
    demands = plain_demands(variant)
    with np.errstate(all="ignore"):
        for name in defaults:
            if is_any_positive(variant, name):
                yield from _lost(variant, demands, defaults, name)


def _lost(
    variant: Variant, demands: list[list[Demand]], defaults: Mapping[str, float], name: str
) -> Iterator[Finding]:
    """The undefined operation for the largest value of a small number that underflows."""
    default = defaults[name]
    for small in (default, *(float(f"1e-{exponent}") for exponent in EXPONENTS)):
        if small > default:
            continue
        demand = _undefined(variant, demands, {**defaults, name: small})
        if demand is not None and small == default and not _helps(variant, demands, defaults, name):
            return
        if demand is not None:
            # A smaller value is the user's responsibility; a default must work.
            group = Group.RANGE if small == default else Group.UNDERFLOW
            statement = f"in float32 {demand.what} is defined for each {name} that is allowed"
            reason = f"{name} = {small:g} is lost there, for a gradient of 0"
            numbers = {name: small, GRAD: 0.0}
            fault = f"in float32 {demand.what} is undefined with {name} = {small:g}"
            yield _told(group, variant, statement, demand.location, reason, numbers, fault)
            return


def _helps(
    variant: Variant, demands: list[list[Demand]], defaults: Mapping[str, float], name: str
) -> bool:
    """Whether a larger value of a small number makes all operations defined."""
    return any(
        _undefined(variant, demands, {**defaults, name: larger * defaults[name]}) is None
        for larger in _LARGER
    )


def _undefined(
    variant: Variant, demands: list[list[Demand]], known: Mapping[str, float]
) -> Demand | None:
    """The first operand outside its domain in a first step with gradient 0."""
    row: Array = np.zeros(1, np.float32)
    values = start(variant, known, row.size)
    arrive(values, row, 1)
    for step, own in zip(variant.assignments, demands, strict=True):
        parts: Parts = {}
        values[step.target] = value(step.expression, values, parts, variant.elements)
        for demand in own:
            if leaves(parts[id(demand.operand)], demand.sign).any():
                return demand
    return None


def _told(
    group: Group,
    variant: Variant,
    statement: str,
    location: Location,
    reason: str,
    numbers: Mapping[str, float],
    fault: str = "",
) -> Finding:
    verdict = Verdict.REFUTED
    return Finding(group, statement, verdict, location, variant.label, reason, numbers, fault=fault)
