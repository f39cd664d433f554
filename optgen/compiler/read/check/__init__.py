"""Check: errors in a rule, found before planning."""

from __future__ import annotations

from itertools import islice

from optgen.compiler.ir.problem import MOST_PROBLEMS, Problem
from optgen.compiler.ir.rule import Rule
from optgen.compiler.read.check.change import check_change
from optgen.compiler.read.check.draws import check_draws
from optgen.compiler.read.check.extents import check_extents
from optgen.compiler.read.check.flow import check_flow
from optgen.compiler.read.check.kinds import check_kinds
from optgen.compiler.read.check.lists import check_lists
from optgen.compiler.read.check.matrices import check_matrices
from optgen.compiler.read.check.stand_ins import check_rivals
from optgen.compiler.read.check.unreachable import check_reach
from optgen.compiler.read.check.unused import check_use
from optgen.compiler.read.check.values import check_default, check_values

_PARTS = (
    check_values,
    check_kinds,
    check_lists,
    check_change,
    check_flow,
    check_extents,
    check_draws,
    check_matrices,
    check_use,
    check_reach,
    check_rivals,
)


def check(rule: Rule) -> tuple[Problem, ...]:
    """All problems of one spec's rule, in file order."""
    problems: list[Problem] = []
    for part in _PARTS:
        problems += islice(part(rule), MOST_PROBLEMS)
    unique = {(p.message, str(p.location)): p for p in problems}
    return tuple(sorted(unique.values(), key=lambda p: (p.location.line, p.location.column)))


def check_defaults(rule: Rule) -> tuple[Problem, ...]:
    """Problems of the defaults that a spec sets for the arguments of other specs."""
    return tuple(problem for h in rule.hyperparameters for problem in check_default(h))


__all__ = ["check", "check_defaults"]
