"""Exact proof that a plan equals its rule."""

from __future__ import annotations

from collections.abc import Mapping

from optgen.analysis.exact.composition import TooLargeError, composed
from optgen.analysis.exact.interval import Interval
from optgen.analysis.exact.polynomial import NotPolynomialError
from optgen.analysis.exact.quotient import Quotients
from optgen.analysis.exact.work import ExhaustedError, Work, bounded
from optgen.analysis.measure.settings import Setting
from optgen.compiler.ir.expression import (
    Expression,
    Name,
    Number,
    Operation,
    rewrite,
)
from optgen.compiler.ir.rule import PARAM

#: Limits on size and work beyond which values aren't compared.
LARGEST, MOST_WORK = 2000, 300_000


def mean_the_same(setting: Setting) -> bool:
    """Whether source and plan compute equal states and parameters, for all numbers."""
    try:
        written = composed(setting.steps, {}, LARGEST)
        planned = composed((*setting.host, *setting.body), {}, LARGEST)
    except TooLargeError:
        return False
    names = (PARAM, *(state.name for state in setting.states))
    return all(
        same(written.get(name, Name(name)), planned.get(setting.kept.get(name, name), Name(name)))
        for name in names
    )


def same(one: Expression, other: Expression) -> bool:
    """Whether two expressions are proved to be equal on their common domain."""
    if raised(one) == raised(other):
        return True
    known: Mapping[str, Interval] = {}
    try:
        with bounded(Work(MOST_WORK)):
            return Quotients(known).is_zero(Operation("-", (raised(one), raised(other))))
    except (NotPolynomialError, ExhaustedError):
        return False


def raised(expression: Expression) -> Expression:
    """An expression with each ``square`` as a power."""

    def change(part: Expression) -> Expression | None:
        if isinstance(part, Operation) and part.operator == "square":
            return Operation("**", (raised(part.operands[0]), Number(2)))
        return None

    return rewrite(expression, change)
