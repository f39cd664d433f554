"""No root, logarithm, power or quotient leaves its domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from optgen.compiler.exact.bounds import bounds
from optgen.compiler.exact.ranges import number
from optgen.compiler.exact.signs import always_above_zero, never_below_zero
from optgen.compiler.nouns.expression import (
    NEGATIONS,
    Expression,
    Name,
    Number,
    Operation,
    substitute,
    text,
)
from optgen.compiler.nouns.problem import Location
from optgen.compiler.nouns.proof import Finding, Group, Verdict
from optgen.compiler.nouns.rule import PARAM
from optgen.compiler.prove.invariants import UNKNOWN, refuting
from optgen.compiler.prove.sample import Numbers, Sample, Search, python
from optgen.compiler.prove.variant import Variant


@dataclass(frozen=True)
class Demand:
    """What an operation asks of an operand: ``sign`` is >= 0, > 0 or != 0.

    It is asked only where all ``guards`` hold: where a choice takes the operation's value.
    """

    operand: Expression
    sign: str
    what: str
    location: Location
    guards: tuple[Expression, ...] = ()


def domains(variant: Variant, search: Search) -> Iterator[Finding]:
    """A finding for each operation that isn't defined everywhere."""
    values: dict[str, Expression] = {PARAM: Name(PARAM)}
    for step in variant.assignments:
        for demand in asked(step.expression, ()):
            located = demand.location if demand.location.line else step.location
            whole = replace(
                demand,
                operand=substitute(demand.operand, values),
                guards=tuple(substitute(guard, values) for guard in demand.guards),
                location=located,
            )
            yield _finding(variant, whole, text(demand.operand), search)
        values[step.target] = substitute(step.expression, values)


def asked(expression: Expression, guards: tuple[Expression, ...]) -> Iterator[Demand]:
    """The demands of an expression, with the conditions of the choices around them."""
    if not isinstance(expression, Operation):
        return
    if expression.operator == "where":
        condition, yes, no = expression.operands
        yield from asked(condition, guards)
        yield from asked(yes, (*guards, condition))
        yield from asked(no, (*guards, _opposite(condition)))
        return
    for demand in _demands(expression):
        yield replace(demand, guards=guards)
    for operand in expression.operands:
        yield from asked(operand, guards)


def _opposite(condition: Expression) -> Expression:
    if isinstance(condition, Operation) and condition.operator in NEGATIONS:
        return Operation(NEGATIONS[condition.operator], condition.operands)
    return Operation("not", (condition,))


def _demands(operation: Operation) -> Iterator[Demand]:
    operator, operands = operation.operator, operation.operands
    shown, at = text(operation), operation.location
    if operator == "sqrt":
        yield Demand(operands[0], ">= 0", f"the root {shown}", at)
    elif operator == "log":
        yield Demand(operands[0], "> 0", f"the logarithm {shown}", at)
    elif operator in ("/", "%") and not number(operands[1]):
        yield Demand(operands[1], "!= 0", f"the quotient {shown}", at)
    elif operator == "**":
        exponent = number(operands[1])
        if exponent is None:
            yield Demand(operands[0], ">= 0", f"the power {shown}", at)
        elif exponent.denominator > 1:
            yield Demand(operands[0], ">= 0" if exponent > 0 else "> 0", f"the power {shown}", at)
        elif exponent < 0:
            yield Demand(operands[0], "!= 0", f"the power {shown}", at)


def _finding(variant: Variant, demand: Demand, shown: str, search: Search) -> Finding:
    common = Group.DOMAIN, f"{demand.what} is defined: {shown} {demand.sign}"
    where = demand.location, variant.label
    reason = _reason(variant, demand)
    if reason:
        return Finding(*common, Verdict.PROVED, *where, reason)
    numbers, fails = _refuted(variant, demand, search)
    if numbers is not None:
        return Finding(*common, Verdict.REFUTED, *where, "", numbers, fails)
    return Finding(*common, Verdict.UNDECIDED, *where, UNKNOWN)


def _reason(variant: Variant, demand: Demand) -> str:
    operand, arguments = demand.operand, (variant.known, variant.relations)
    if any(_says(guard, operand, demand.sign) for guard in demand.guards):
        return "the choice around it asks for that"
    if demand.sign == ">= 0":
        return never_below_zero(operand, *arguments)
    found = always_above_zero(operand, *arguments)
    if found or demand.sign == "> 0":
        return found
    if bounds(operand, variant.known).is_negative:
        return "by the intervals of its parts"
    return always_above_zero(Operation("neg", (operand,)), *arguments)


def _says(guard: Expression, operand: Expression, sign: str) -> bool:
    """Whether a condition itself says what is demanded."""
    if not isinstance(guard, Operation):
        return False
    if guard.operator == "and":
        return any(_says(part, operand, sign) for part in guard.operands)
    if len(guard.operands) != 2 or guard.operands[1] != Number(0):
        return False
    subject, operator = guard.operands[0], guard.operator
    enough = {">= 0": (">", ">="), "> 0": (">",), "!= 0": (">", "<", "!=")}[sign]
    if operator in enough and subject == operand:
        return True
    is_least = isinstance(subject, Operation) and subject.operator == "min"
    return is_least and operator == ">" and operand in subject.operands  # type: ignore[union-attr]


def _refuted(variant: Variant, demand: Demand, search: Search) -> tuple[Numbers | None, str]:
    operand, conditions = demand.operand, (*variant.relations, *demand.guards)
    if demand.sign != "!= 0":
        found = refuting(operand, conditions, search)
        if found is not None:
            return found, f"{python(operand)} < 0"
    if demand.sign == ">= 0":
        return None, ""

    def is_zero(sample: Sample) -> bool:
        admissible = all(sample.holds(condition) for condition in conditions)
        return admissible and bool(sample.value(operand) == 0)

    zeros = {**search.first, **{state.name: 0.0 for state in variant.states}}
    found = replace(search, first=zeros).find([operand, *conditions], is_zero)
    return found, f"{python(operand)} == 0"
