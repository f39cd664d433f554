"""Guards that no setting of the hyperparameters can reach, by SymPy's sets of reals."""

from __future__ import annotations

from collections.abc import Iterator

import sympy

from optgen.compiler.nouns.condition import Case
from optgen.compiler.nouns.expression import Expression, Name, Number, Operation
from optgen.compiler.nouns.problem import Problem
from optgen.compiler.nouns.rule import Rule

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def check_reach(rule: Rule) -> Iterator[Problem]:
    """A problem for each step whose guard contradicts itself or the declared ranges."""
    reachable: dict[Case, bool] = {}
    for block in rule.blocks:
        for step in (*block.steps, *block.otherwise):
            for case in step.guard.cases:
                if case not in reachable:
                    reachable[case] = _possible(case, rule)
            if not any(reachable[case] for case in step.guard.cases):
                yield Problem(
                    "this line can't be reached",
                    step.location,
                    "its conditions contradict each other or the declared ranges",
                )


def _possible(case: Case, rule: Rule) -> bool:
    values: dict[str, sympy.Set] = {}
    for atom, holds in case:
        found = _half_line(rule.atoms[atom])
        if found is None:
            continue
        name, allowed = found
        if name not in values:
            declared = rule.hyperparameter(name)
            values[name] = _range(declared.range if declared else None)
        values[name] = values[name] & (allowed if holds else sympy.S.Reals - allowed)
    return all(found is not sympy.S.EmptySet for found in values.values())


def _range(expression: Expression | None) -> sympy.Set:
    """The reals that a range allows; all of them where it says more than comparisons."""
    if isinstance(expression, Operation) and expression.operator in ("and", "or"):
        left, right = (_range(operand) for operand in expression.operands)
        return left & right if expression.operator == "and" else left | right
    found = _half_line(expression) if expression is not None else None
    return found[1] if found else sympy.S.Reals


def _half_line(expression: Expression) -> tuple[str, sympy.Set] | None:
    """The name and the set of a comparison of a name with a number; None for anything else."""
    if not isinstance(expression, Operation) or expression.operator not in _MIRRORED:
        return None
    operator, (left, right) = expression.operator, expression.operands
    if isinstance(right, Name):
        operator, left, right = _MIRRORED[operator], right, left
    number = _number(right)
    if not isinstance(left, Name) or number is None:
        return None
    at, infinity = sympy.Rational(number), sympy.oo
    sets: dict[str, sympy.Set] = {
        "<": sympy.Interval.open(-infinity, at),
        "<=": sympy.Interval(-infinity, at),
        ">": sympy.Interval.open(at, infinity),
        ">=": sympy.Interval(at, infinity),
        "==": sympy.FiniteSet(at),
        "!=": sympy.S.Reals - sympy.FiniteSet(at),
    }
    return left.id, sets[operator]


def _number(expression: Expression) -> float | None:
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Operation) and expression.operator == "neg":
        inner = _number(expression.operands[0])
        return None if inner is None else -inner
    return None
