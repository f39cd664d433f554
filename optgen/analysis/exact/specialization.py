"""Specialization of expressions to a switch setting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from optgen.compiler.ir.expression import (
    GIVEN,
    Expression,
    Name,
    Number,
    Operation,
    rewrite,
    text,
    walk,
)
from optgen.compiler.ir.rule import Rule, Step

#: Known conditions, for a condition that is used as a value.
_TRUTH: Mapping[bool, Expression] = {
    True: Operation("==", (Number(0), Number(0))),
    False: Operation("!=", (Number(0), Number(0))),
}


def asked(rule: Rule, steps: Iterable[Step]) -> list[str]:
    """The static conditions that guards or expressions of steps depend on."""
    found: set[str] = set()
    for step in steps:
        found.update(step.guard.atoms)
        found.update(text(part) for part in walk(step.expression) if _is_atom(part))
    return [atom for atom in rule.atoms if atom in found]


def decided(expression: Expression, on: Mapping[str, bool]) -> Expression:
    """The expression after substitution of truth values for switches and ``given(x)``, by text."""

    def change(part: Expression) -> Expression | None:
        holds = on.get(text(part)) if _is_atom(part) else None
        if holds is not None:
            return _TRUTH[holds]
        if isinstance(part, Operation) and part.operator in ("and", "or", "not", "where"):
            operands = tuple(decided(operand, on) for operand in part.operands)
            return _chosen(replace(part, operands=operands))
        return None

    return rewrite(expression, change)


def _is_atom(part: Expression) -> bool:
    return isinstance(part, Name) or (isinstance(part, Operation) and part.operator == GIVEN)


def _chosen(part: Operation) -> Expression:
    """A logical operation or a choice without its known operands."""
    first, *others = part.operands
    holds = known(first)
    match part.operator:
        case "not":
            return part if holds is None else _TRUTH[not holds]
        case "where":
            return part if holds is None else others[0] if holds else others[1]
    (second,) = others
    decisive = part.operator == "or"
    if decisive in (holds, known(second)):
        return _TRUTH[decisive]
    return second if holds is not None else first if known(second) is not None else part


def known(condition: Expression) -> bool | None:
    """The truth value of a decided condition; None if it is open."""
    return next((holds for holds, truth in _TRUTH.items() if truth == condition), None)
