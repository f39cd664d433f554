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

#: Conditions that are known, for where a condition is a value of its own.
_TRUTH: Mapping[bool, Expression] = {
    True: Operation("==", (Number(0), Number(0))),
    False: Operation("!=", (Number(0), Number(0))),
}


def asked(rule: Rule, steps: Iterable[Step]) -> list[str]:
    """The static conditions that the guards or the expressions of steps depend on."""
    found: set[str] = set()
    for step in steps:
        found.update(step.guard.atoms)
        found.update(text(part) for part in walk(step.expression) if _is_atom(part))
    return [atom for atom in rule.atoms if atom in found]


def decided(expression: Expression, on: Mapping[str, bool]) -> Expression:
    """The expression where switches and ``given(x)``, by their texts, are true or false."""

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
    """A logical operation or a choice without what is known."""
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
    """Whether a condition that was decided is true; None where it isn't settled."""
    return next((holds for holds, truth in _TRUTH.items() if truth == condition), None)
