"""What the last step of a rule takes off the parameter."""

from __future__ import annotations

from collections.abc import Iterable

from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import Expression, Name, Operation
from optgen.compiler.ir.reserved import PERTURBED
from optgen.compiler.ir.rule import PARAM, Step


def taken_off(last: Step) -> Expression | None:
    """What a step takes off the parameter; None if it does anything else."""
    found = last.expression
    if (last.target, last.guard) != (PARAM, ALWAYS) or not isinstance(found, Operation):
        return None
    if found.operator not in ("+", "-") or found.operands[0] != Name(PARAM):
        return None
    other = found.operands[1]
    return other if found.operator == "-" else Operation("neg", (other,), other.location)


def assigns_param(steps: Iterable[Step]) -> bool:
    """Whether steps assign the parameter, but for those that come back from a second point."""
    back = Condition.of(PERTURBED)
    return any(step.target == PARAM and not step.guard.implies(back) for step in steps)
