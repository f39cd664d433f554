"""Whether what is planned means what is written: exact arithmetic finds no difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from optgen.compiler.exact.interval import Interval
from optgen.compiler.exact.polynomial import NotPolynomialError
from optgen.compiler.exact.quotient import Quotients
from optgen.compiler.measure.settings import Setting
from optgen.compiler.nouns.expression import (
    Expression,
    Name,
    Number,
    Operation,
    rewrite,
    substitute,
    walk,
)
from optgen.compiler.nouns.plan import Assignment
from optgen.compiler.nouns.rule import PARAM, Step

#: Larger values aren't looked at.
LARGEST = 2000


def mean_the_same(setting: Setting) -> bool:
    """Whether states and parameter come out the same in both, for all numbers."""
    written = values(setting.steps)
    planned = values((*setting.host, *setting.body))
    if written is None or planned is None:
        return False
    names = (PARAM, *(state.name for state in setting.states))
    try:
        return all(
            same(written.get(name, Name(name)), planned.get(name, Name(name))) for name in names
        )
    except NotPolynomialError:
        return False


def values(steps: Iterable[Step | Assignment]) -> Mapping[str, Expression] | None:
    """What names hold after some steps, in terms of what they held before; None if too large."""
    found: dict[str, Expression] = {}
    for step in steps:
        found[step.target] = substitute(step.expression, found)
        if sum(1 for _ in walk(found[step.target])) > LARGEST:
            return None
    return found


def same(one: Expression, other: Expression) -> bool:
    """Whether two expressions have the same value wherever both have one."""
    if raised(one) == raised(other):
        return True
    known: Mapping[str, Interval] = {}
    return Quotients(known).is_zero(Operation("-", (raised(one), raised(other))))


def raised(expression: Expression) -> Expression:
    """An expression with squares as the powers that they are."""

    def change(part: Expression) -> Expression | None:
        if isinstance(part, Operation) and part.operator == "square":
            return Operation("**", (raised(part.operands[0]), Number(2)))
        return None

    return rewrite(expression, change)
