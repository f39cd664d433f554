"""A rule's step in float32 as kernels compute it, for many gradients at once.

Expressions of hyperparameters and counters are evaluated in float64 and rounded once, and so are
numbers and vectors; the values of elements are float32. Tensors have one element.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any

import numpy as np

from optgen.analysis.exact.grids import shape_numbers
from optgen.analysis.exact.work import spend
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, walk
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.functions import FUNCTIONS as FUNCTION_ARITIES
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.reduction import REDUCERS
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
    """Whether a rule is small."""
    return sum(1 for step in variant.assignments for _ in walk(step.expression)) <= MOST_PARTS


def start(variant: Variant, defaults: Mapping[str, float], runs: int) -> Values:
    """The values before the first step of ``runs`` parallel runs, with a parameter of 1."""
    values: Values = {name: np.float64(count) for name, count in shape_numbers(1).items()}
    values |= {name: np.float64(value) for name, value in defaults.items()}
    values[PARAM] = np.full(runs, 1.0, np.float32)
    for state in variant.states:
        first = state.initial
        found = values.get(first, 1.0) if isinstance(first, str) else first
        is_element = state.extent is Extent.ELEMENT
        values[state.name] = np.full(runs, found, np.float32 if is_element else np.float64)
    return values


def arrive(values: Values, gradients: Array, number: int) -> None:
    """Set the gradients and the number of a step."""
    values |= {GRAD: gradients, STEP: np.float64(number), CALL: np.float64(number)}


def value(expression: Expression, values: Values, parts: Parts, elements: Set[int]) -> Any:
    """The value of an expression, given which parts are values of elements.

    Raises KeyError for a name without a value.
    """
    match expression:
        case Number(number):
            found = np.float64(number)
        case Name(name):
            found = values[name]
        case Operation(_, operands):
            spend(1)
            inner = [value(operand, values, parts, elements) for operand in operands]
            found = apply(expression, inner, elements)
    parts[id(expression)] = found
    return found


def apply(part: Operation, found: list[Any], elements: Set[int]) -> Any:
    """Apply one operation: in float32 to values of elements, and else in float64."""
    if part.operator in REDUCERS:
        one = np.float64(found[0])
        return np.abs(one) if REDUCERS[part.operator].is_norm else one
    if id(part) in elements:
        found = [one if one.dtype == np.bool_ else np.float32(one) for one in found]
    return FUNCTIONS[part.operator](*found)
