"""States that would replace the parameter at the same time."""

from __future__ import annotations

from collections.abc import Iterator

from optgen.compiler.ir.condition import NEVER
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.rule import Rule


def check_rivals(rule: Rule) -> Iterator[Problem]:
    """A problem for each state that replaces the parameter in a case where an earlier one does."""
    found = [state for state in rule.states if state.stands_in]
    for number, state in enumerate(found):
        for other in found[:number]:
            if state.when & other.when != NEVER:
                message = f"{state.name!r} and {other.name!r} would both stand in for the parameter"
                hint = "leave it to one of them, or let their conditions exclude each other"
                yield Problem(message, state.location, hint)
                break
