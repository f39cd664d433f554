"""Ranges of hyperparameters, from the checks of the constructor: it must fail outside."""

from __future__ import annotations

from optgen.compiler.ir.expression import NEGATIONS
from optgen.tracing.graph import NAME, Node
from optgen.tracing.runs import Subject

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def ranges_of(subject: Subject) -> dict[str, str]:
    """The ranges that the constructor checks, by the names of hyperparameters."""
    trace = subject.trace()
    subject.built(trace)
    bounds: dict[str, dict[str, tuple[str, float]]] = {}
    for decision in trace.assumptions.values():
        found = _bound(decision.condition, decision.outcome)
        if found is not None and _is_check(subject, decision.condition, decision.outcome):
            name, operator, value = found
            bounds.setdefault(name, {})[operator[0]] = (operator, value)
    return {name: _text(name, sides) for name, sides in bounds.items()}


def _bound(condition: Node, outcome: bool) -> tuple[str, str, float] | None:
    """A comparison of one hyperparameter with a number, as it holds."""
    if condition.operator not in _MIRRORED:
        return None
    operator = condition.operator if outcome else NEGATIONS[condition.operator]
    left, right = condition.operands
    if right.operator == NAME:
        left, right, operator = right, left, _MIRRORED[operator]
    if left.operator != NAME or not right.is_number:
        return None
    assert not isinstance(right.value, str)
    return str(left.value), operator, right.value


def _is_check(subject: Subject, condition: Node, outcome: bool) -> bool:
    try:
        subject.built(subject.trace(overruled={condition: not outcome}))
    except Exception:
        return True
    return False


def _text(name: str, sides: dict[str, tuple[str, float]]) -> str:
    if len(sides) == 1:
        ((operator, value),) = sides.values()
        return f"{name} {operator} {value:g}"
    (above, low), (below, high) = sides[">"], sides["<"]
    return f"{low:g} {_MIRRORED[above]} {name} {below} {high:g}"
