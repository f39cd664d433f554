"""No root, logarithm, power or quotient leaves its domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from optgen.compiler.nouns.expression import Expression, Name, Operation, names, text, walk
from optgen.compiler.nouns.problem import Location
from optgen.compiler.nouns.proof import Finding, Group, Verdict
from optgen.compiler.nouns.rule import PARAM
from optgen.compiler.prove.bounds import bounds
from optgen.compiler.prove.invariants import refuting
from optgen.compiler.prove.sample import Numbers, holds, python, search, value
from optgen.compiler.prove.signs import always_above_zero, never_below_zero
from optgen.compiler.prove.variant import Variant, number, substitute


@dataclass(frozen=True)
class _Demand:
    """What an operation asks of an operand: ``sign`` is >= 0, > 0 or != 0."""

    operand: Expression
    sign: str
    what: str
    location: Location


def domains(variant: Variant, first: Mapping[str, float]) -> Iterator[Finding]:
    """A finding for each operation that isn't defined everywhere."""
    values: dict[str, Expression] = {PARAM: Name(PARAM)}
    for step in variant.assignments:
        for part in walk(step.expression):
            if isinstance(part, Operation):
                for demand in _demands(part):
                    located = demand.location if demand.location.line else step.location
                    yield _finding(
                        variant, demand, substitute(demand.operand, values), located, first
                    )
        values[step.target] = substitute(step.expression, values)


def _demands(operation: Operation) -> Iterator[_Demand]:
    operator, operands = operation.operator, operation.operands
    shown, at = text(operation), operation.location
    if operator == "sqrt":
        yield _Demand(operands[0], ">= 0", f"the root {shown}", at)
    elif operator == "log":
        yield _Demand(operands[0], "> 0", f"the logarithm {shown}", at)
    elif operator in ("/", "%") and not number(operands[1]):
        yield _Demand(operands[1], "!= 0", f"the quotient {shown}", at)
    elif operator == "**":
        exponent = number(operands[1])
        if exponent is None:
            yield _Demand(operands[0], ">= 0", f"the power {shown}", at)
        elif exponent.denominator > 1:
            yield _Demand(operands[0], ">= 0" if exponent > 0 else "> 0", f"the power {shown}", at)
        elif exponent < 0:
            yield _Demand(operands[0], "!= 0", f"the power {shown}", at)


def _finding(
    variant: Variant,
    demand: _Demand,
    operand: Expression,
    location: Location,
    first: Mapping[str, float],
) -> Finding:
    statement = f"{demand.what} is defined: {text(demand.operand)} {demand.sign}"
    reason = _reason(variant, operand, demand.sign)
    if reason:
        return Finding(Group.DOMAIN, statement, Verdict.PROVED, location, variant.label, reason)
    numbers, fails = _refuted(variant, operand, demand.sign, first)
    if numbers is not None:
        return Finding(
            Group.DOMAIN, statement, Verdict.REFUTED, location, variant.label, "", numbers, fails
        )
    reason = "no certificate was found, and no numbers that refute it"
    return Finding(Group.DOMAIN, statement, Verdict.UNDECIDED, location, variant.label, reason)


def _reason(variant: Variant, operand: Expression, sign: str) -> str:
    arguments = variant.known, variant.relations
    if sign == ">= 0":
        return never_below_zero(operand, *arguments)
    found = always_above_zero(operand, *arguments)
    if found or sign == "> 0":
        return found
    if bounds(operand, variant.known).is_negative:
        return "by the intervals of its parts"
    return always_above_zero(Operation("neg", (operand,)), *arguments)


def _refuted(
    variant: Variant, operand: Expression, sign: str, first: Mapping[str, float]
) -> tuple[Numbers | None, str]:
    if sign != "!= 0":
        found = refuting(operand, variant, first)
        if found is not None:
            return found, f"{python(operand)} < 0"
    if sign == ">= 0":
        return None, ""
    needed = list(
        dict.fromkeys([*names(operand), *(n for r in variant.relations for n in names(r))])
    )

    def is_zero(numbers: Numbers) -> bool:
        admissible = all(holds(relation, numbers) for relation in variant.relations)
        return admissible and value(operand, numbers) == 0

    found = search(
        needed, variant.known, {**first, **dict.fromkeys(_states(variant), 0.0)}, is_zero
    )
    return found, f"{python(operand)} == 0"


def _states(variant: Variant) -> list[str]:
    return [state.name for state in variant.states]
