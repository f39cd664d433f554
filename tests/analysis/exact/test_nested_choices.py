"""Choices inside of choices by the same condition, beside the values of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optgen.analysis.exact.nested_choices import decided_inside
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, walk

X, STEP, GRAD = Name("x"), Name("step"), Name("grad")
LATER = Operation(">", (STEP, Number(1)))
LARGE = Operation(">", (GRAD, Number(0)))


def where(*parts: Expression) -> Operation:
    return Operation("where", parts)


def choices(expression: Expression) -> int:
    parts = (part for part in walk(expression) if isinstance(part, Operation))
    return sum(part.operator == "where" for part in parts)


@pytest.mark.parametrize(
    ("expression", "left"),
    [
        (where(LATER, Operation("/", (X, where(LATER, X, Number(3)))), X), 1),
        (where(LATER, X, Operation("norm", (where(LATER, Number(0), GRAD),))), 1),
        (where(LATER, where(LATER, where(LATER, X, GRAD), GRAD), Number(2)), 1),
        # What differs between elements isn't decided for what a reduction combines.
        (where(LARGE, Operation("norm", (where(LARGE, X, Number(0)),)), X), 2),
        # Nor is another condition, or one that is only beside.
        (where(LATER, where(LARGE, X, GRAD), X), 2),
        (Operation("+", (where(LATER, X, GRAD), where(LATER, GRAD, X))), 2),
    ],
)
def test_inner_choices_go_and_values_stay(expression: Expression, left: int) -> None:
    found = decided_inside(expression, frozenset({"grad"}))
    assert choices(found) == left
    for step in (1, 2):
        one, other = (value(part, step) for part in (expression, found))
        np.testing.assert_array_equal(one, other)


def value(part: Expression, step: int) -> Any:
    grad = np.array([-2.0, 3.0])
    match part:
        case Number(number):
            return np.full(2, float(number))
        case Name(name):
            return {"x": np.array([5.0, -7.0]), "step": np.full(2, float(step)), "grad": grad}[name]
    functions: dict[str, Callable[..., Any]] = {
        "where": np.where,
        ">": np.greater,
        "/": np.divide,
        "+": np.add,
        "norm": lambda a: np.full(2, np.linalg.norm(a)),
    }
    return functions[part.operator](*(value(one, step) for one in part.operands))
