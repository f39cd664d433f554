"""Domains of roots, logarithms, powers and quotients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce

from optgen.analysis.exact.bounds import Known, bounds
from optgen.analysis.exact.interval import NONNEGATIVE, POSITIVE, Interval
from optgen.analysis.exact.ranges import number
from optgen.analysis.exact.reductions import is_reduction, of_one_element
from optgen.analysis.exact.signs import always_above_zero, never_below_zero
from optgen.analysis.prove.invariants import UNKNOWN, below_zero
from optgen.analysis.prove.reachability import Reached
from optgen.analysis.prove.sampling import Numbers, Sample, python
from optgen.analysis.prove.semidefinite import squares
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import (
    NEGATIONS,
    Expression,
    Name,
    Number,
    Operation,
    rewrite,
    text,
)
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.matrix import INVERSE_ROOT
from optgen.compiler.ir.problem import Location
from optgen.compiler.ir.proof import Finding, Group, Verdict
from optgen.compiler.ir.rule import LEARNING_RATE, PARAM

#: The values whose comparison with 0 holds.
_SIGNS: Mapping[str, Interval] = {
    ">": POSITIVE,
    ">=": NONNEGATIVE,
    "<": -POSITIVE,
    "<=": -NONNEGATIVE,
}


@dataclass(frozen=True)
class Demand:
    """A domain condition of an operation on an operand; ``sign`` is >= 0, > 0 or != 0.

    The condition applies only if all ``guards`` hold, so that a choice selects the operation.
    """

    operand: Expression
    sign: str
    what: str
    location: Location
    guards: tuple[Expression, ...] = ()
    #: Whether the operand is the eigenvalues of a square, plus a number.
    is_of_square: bool = False


def domains(variant: Variant, reached: Reached) -> Iterator[Finding]:
    """A finding for each operation that is partial."""
    # A learning rate of 0 stops a rule; division by it is allowed.
    positive = POSITIVE.meet(variant.known[LEARNING_RATE])
    variant = replace(variant, known={**variant.known, LEARNING_RATE: positive})
    uses = _uses(variant)
    for step in variant.assignments:
        for demand in asked(step.expression, ()):
            found = uses.get((demand.location, demand.sign))
            if found is not None:
                located = demand.location if demand.location.line else step.location
                whole = replace(demand, operand=found[0].operand, guards=_together(found))
                yield _finding(
                    variant, replace(whole, location=located), text(demand.operand), reached
                )


def _uses(variant: Variant) -> dict[tuple[Location, str], list[Demand]]:
    """Partial operations in the new values of states and of the parameter.

    A value that a choice selects has a domain condition only under the condition of that choice.
    """
    found: dict[tuple[Location, str], list[Demand]] = {}
    kept = (PARAM, *(state.name for state in variant.states))
    values = (variant.values.get(name, Name(name)) for name in kept)
    for value in (*variant.parts.values(), *values):
        for demand in asked(value, ()):
            found.setdefault((demand.location, demand.sign), []).append(demand)
    return found


def _together(uses: list[Demand]) -> tuple[Expression, ...]:
    """The guards that hold at all of some uses."""
    ways = dict.fromkeys(use.guards for use in uses)
    if () in ways or len(ways) == 1:
        return () if () in ways else next(iter(ways))
    common = [guard for guard in next(iter(ways)) if all(guard in way for way in ways)]
    joined = (reduce(lambda a, b: Operation("and", (a, b)), way) for way in ways)
    return (*common, reduce(lambda a, b: Operation("or", (a, b)), joined))


def asked(expression: Expression, guards: tuple[Expression, ...]) -> Iterator[Demand]:
    """The domain conditions of an expression, with enclosing conditions as guards."""
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
    function = REGISTRY.get(operator)
    if function is not None and function.domain:
        yield Demand(operands[0], function.domain, f"the {function.noun} {shown}", at)
    elif operator == INVERSE_ROOT:
        shifted = Operation("+", (operands[0], operands[2]), at)
        yield Demand(shifted, "> 0", f"the inverse root {shown}", at, is_of_square=True)
    elif operator == "clip":
        apart = Operation("-", (operands[2], operands[1]))
        yield Demand(apart, ">= 0", f"the range of {shown}", at)
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


def _finding(variant: Variant, demand: Demand, shown: str, reached: Reached) -> Finding:
    common = Group.DOMAIN, f"{demand.what} is defined: {shown} {demand.sign}"
    where = demand.location, variant.label
    reason = _reason(variant, demand)
    if reason:
        return Finding(*common, Verdict.PROVED, *where, reason)
    numbers, fails = _refuted(variant, demand, reached)
    if numbers is not None:
        return Finding(*common, Verdict.REFUTED, *where, "", numbers, fails)
    return Finding(*common, Verdict.UNDECIDED, *where, UNKNOWN)


def _reason(variant: Variant, demand: Demand) -> str:
    if any(_says(guard, demand.operand, demand.sign) for guard in demand.guards):
        return "the choice around it asks for that"
    operand, known = _assuming(demand.operand, demand.guards, variant.known)
    if demand.is_of_square and isinstance(operand, Operation):
        square, operand = operand.operands
        if not squares(variant).is_semidefinite(square):
            return ""
    arguments = known, variant.relations
    if demand.sign == ">= 0":
        return never_below_zero(operand, *arguments)
    found = always_above_zero(operand, *arguments)
    if found or demand.sign == "> 0":
        return found
    if bounds(operand, known).is_negative:
        return "by the intervals of its parts"
    return always_above_zero(Operation("neg", (operand,)), *arguments)


def _assuming(
    operand: Expression, guards: Iterable[Expression], known: Known
) -> tuple[Expression, Known]:
    """The operand with a name for each value whose sign the guards decide, and their bounds.

    A reduction may contain the same value in other elements, for which no guard holds.
    """
    names: dict[Expression, str] = {}
    more = dict(known)
    for guard in (part for one in guards for part in _conjuncts(one)):
        subject, zero = guard.operands
        if zero == Number(0) and guard.operator in _SIGNS:
            name = names.setdefault(subject, f"guarded {len(names)}")
            own = more.get(name, bounds(subject, known))
            more[name] = own.meet(_SIGNS[guard.operator])

    def change(part: Expression) -> Expression | None:
        if part in names:
            return Name(names[part], part.location)
        return part if is_reduction(part) else None

    return rewrite(operand, change), more


def _conjuncts(guard: Expression) -> Iterator[Operation]:
    """The comparisons that all hold where a guard does."""
    if isinstance(guard, Operation) and guard.operator == "and":
        for part in guard.operands:
            yield from _conjuncts(part)
    elif isinstance(guard, Operation) and guard.operator in NEGATIONS:
        yield guard


def _says(guard: Expression, operand: Expression, sign: str) -> bool:
    """Whether a guard directly implies the domain condition."""
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


def _refuted(variant: Variant, demand: Demand, reached: Reached) -> tuple[Numbers | None, str]:
    operand = of_one_element(demand.operand)
    conditions = tuple(map(of_one_element, (*variant.relations, *demand.guards)))
    if demand.sign != "!= 0":
        found = reached.find(
            operand, conditions, lambda worth: worth < 0, below_zero(operand, conditions)
        )
        if found is not None:
            return found, f"{python(operand)} < 0"
    if demand.sign == ">= 0":
        return None, ""

    def is_zero(sample: Sample) -> bool:
        admissible = all(sample.holds(condition) for condition in conditions)
        return admissible and bool(sample.value(operand) == 0)

    found = reached.find(operand, conditions, lambda worth: worth == 0, is_zero)
    return found, f"{python(operand)} == 0"
