"""Structural equality of programs, independent of the functions involved."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from optgen.analysis.compare.normal_form import normal
from optgen.analysis.compare.straight_line import Straight
from optgen.compiler.ir.expression import COMMUTATIVE, Expression, Name, Number, Operation
from optgen.compiler.ir.rule import PARAM


def same_structure(left: Straight, right: Straight, matches: Mapping[str, str]) -> bool:
    """Whether two rules are equal up to names, order and temporaries.

    ``matches`` maps each state of the right rule to one of the left.
    """
    table: dict[Hashable, int] = {}
    starts = all(left.starts[matches[name]] == start for name, start in right.starts.items())
    if not starts:
        return False
    mine = _numbered(left, {}, table)
    theirs = _numbered(right, matches, table)
    return mine[PARAM] == theirs[PARAM] and all(
        mine[other] == theirs[name] for name, other in matches.items()
    )


def _numbered(
    rule: Straight, names: Mapping[str, str], table: dict[Hashable, int]
) -> dict[str, int]:
    """Value numbering of the names after a step: equal numbers imply equal values."""
    found = {
        name: _number(("name", names.get(name, name)), table)
        for name in (PARAM, *(state.name for state in rule.states))
    }
    for step in rule.steps:
        found[step.target] = _value(normal(step.expression), found, table)
    return found


def _value(expression: Expression, known: Mapping[str, int], table: dict[Hashable, int]) -> int:
    match expression:
        case Number(value):
            return _number(("number", float(value)), table)
        case Name(name):
            return known[name] if name in known else _number(("name", name), table)
        case Operation("neg", (Number(value),)):
            return _number(("number", -float(value)), table)
    operands = [_value(operand, known, table) for operand in expression.operands]
    if expression.operator in COMMUTATIVE:
        operands.sort()
    return _number((expression.operator, *operands), table)


def _number(key: Hashable, table: dict[Hashable, int]) -> int:
    return table.setdefault(key, len(table))
