"""Given values of hyperparameters, validated against the rule's ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping

from optgen.analysis.compare.straight_line import Values
from optgen.compiler.ir.expression import Expression, text
from optgen.compiler.ir.problem import UsageError, nearest
from optgen.compiler.ir.rule import LEARNING_RATE, Hyperparameter, Rule
from optgen.compiler.ir.spec import Scalar
from optgen.compiler.ir.value import evaluate


def check_given(rule: Rule, values: Values) -> None:
    """Raise UsageError for a value that a rule with its features doesn't accept."""
    for name, value in values.items():
        known = rule.hyperparameter(name)
        if known is None and name != LEARNING_RATE:
            hint = nearest(name, (h.name for h in rule.hyperparameters))
            said = f"{rule.name} has no hyperparameter {name}"
            raise UsageError(f"{said}; {hint}" if hint else said)
        wrong = _wrong(known, value) if known is not None else ""
        if wrong:
            raise UsageError(f"{rule.name}: {wrong}")


def _wrong(hyperparameter: Hyperparameter, value: Scalar | None) -> str:
    """The reason why a value is invalid for a hyperparameter; empty if it is valid."""
    name, range_ = hyperparameter.name, hyperparameter.range
    if value is None:
        return "" if hyperparameter.optional else f"{name} must have a value"
    if hyperparameter.is_list:
        return f"{name} is a list, and lists aren't compared"
    if hyperparameter.is_switch is not isinstance(value, bool):
        return f"{name} must be {'true or false' if hyperparameter.is_switch else 'a number'}"
    if not math.isfinite(value):
        return f"{name} must be finite, not {value}"
    if hyperparameter.integer and value != int(value):
        return f"{name} must be a whole number, not {value}"
    if range_ is not None and not _is_in(range_, {name: value}):
        return f"{name} must be in its range {text(range_)}, not {value}"
    return ""


def _is_in(condition: Expression, values: Mapping[str, Scalar]) -> bool:
    try:
        return bool(evaluate(condition, values))
    except KeyError:
        return True
