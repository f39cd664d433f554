"""A rule's step in float32 as kernels compute it, for many gradients at once.

Expressions of hyperparameters and counters are evaluated in float64 and rounded once; all others
are float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from optgen.analysis.exact.work import spend
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import REDUCTIONS, Expression, Name, Number, Operation, walk
from optgen.compiler.ir.functions import FUNCTIONS as FUNCTION_ARITIES
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.rule import CALL, GRAD, PARAM, STEP

#: Larger rules aren't run.
MOST_PARTS = 500

Array = np.ndarray[Any, np.dtype[Any]]
#: Values of names: an array of float32, or a number of float64.
Values = dict[str, Any]
#: Values of the parts of an expression, by object identity.
Parts = dict[int, Any]
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.mod,
    "**": np.power,
    "neg": np.negative,
    **{name: getattr(np, REGISTRY[name].array) for name in FUNCTION_ARITIES},
    # NumPy's clip differs on an empty range.
    "clip": lambda x, low, high: np.where(x < low, low, np.where(x > high, high, x)),
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
}


def can_be_run(variant: Variant) -> bool:
    """Whether a rule is small and elementwise."""
    parts = [part for step in variant.assignments for part in walk(step.expression)]
    takes_tensors = any(isinstance(p, Operation) and p.operator in REDUCTIONS for p in parts)
    return len(parts) <= MOST_PARTS and not takes_tensors


def start(variant: Variant, defaults: Mapping[str, float], runs: int) -> Values:
    """The values before the first step of ``runs`` parallel runs, with a parameter of 1."""
    values: Values = {name: np.float64(value) for name, value in defaults.items()}
    for name, initial in ((PARAM, 1.0), *((s.name, s.initial) for s in variant.states)):
        first = values.get(initial, 1.0) if isinstance(initial, str) else initial
        values[name] = np.full(runs, first, np.float32)
    return values


def arrive(values: Values, gradients: Array, number: int) -> None:
    """Set the gradients and the number of a step."""
    values |= {GRAD: gradients, STEP: np.float64(number), CALL: np.float64(number)}


def value(expression: Expression, values: Values, parts: Parts) -> Any:
    """The value of an expression. Raises KeyError for a name without a value."""
    match expression:
        case Number(number):
            found = np.float64(number)
        case Name(name):
            found = values[name]
        case Operation(operator, operands):
            spend(1)
            found = apply(operator, [value(operand, values, parts) for operand in operands])
    parts[id(expression)] = found
    return found


def apply(operator: str, found: list[Any]) -> Any:
    """Apply one operation; in float32 if any operand is a float32 array."""
    if any(np.ndim(one) and one.dtype == np.float32 for one in found):
        found = [one if one.dtype == np.bool_ else np.float32(one) for one in found]
    return FUNCTIONS[operator](*found)
