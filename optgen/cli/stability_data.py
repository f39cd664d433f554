"""The data of a stability plot: asymptotic convergence on a quadratic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from optgen.compiler.ir.expression import Expression, names
from optgen.compiler.ir.problem import UsageError
from optgen.compiler.ir.rule import Rule
from optgen.compiler.ir.stability import PRODUCT, Stability
from optgen.compiler.ir.value import evaluate
from optgen.demo.stability import Panel

#: Numbers of points along each axis.
FINE_GRAINED, POINTS = 400, 120
#: The extent of a plot: in multiples of the largest limit, and of the median limit.
_BEYOND, _AT_MOST = 1.25, 3


def panels(rule: Rule, stable: Sequence[Stability]) -> list[Panel]:
    """One panel per setting that has a limit. Raises UsageError if none has one."""
    if not stable:
        raise UsageError(
            f"there is nothing to draw: {rule.name}'s steps have no limit in closed form "
            "on a quadratic"
        )
    return [_panel(rule, one) for one in stable]


def _panel(rule: Rule, stable: Stability) -> Panel:
    across = next(iter(names(stable.limit)), "")
    fixed = {name: _usual(rule, name, ends) for name, ends in stable.ranges.items()}
    fixed.pop(across, None)
    places = np.linspace(*stable.ranges[across], POINTS) if across else np.zeros(1)
    numbers = [{**fixed, across: place} for place in places.tolist()]
    limits = np.array([_value(stable.limit, chosen) for chosen in numbers])
    products = np.linspace(0, _top(limits), POINTS if across else FINE_GRAINED)
    factors = [
        [_factor(stable, {**chosen, PRODUCT: product}) for chosen in numbers]
        for product in products.tolist()
    ]
    shown = [f"{name} = {number:g}" for name, number in fixed.items()]
    title = ", ".join([stable.setting, *shown] if stable.setting else shown)
    return Panel(title, across, places, products, np.array(factors), limits)


def _top(limits: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """The end of the axis of products: above all limits, unless few limits are very large."""
    finite = limits[np.isfinite(limits)]
    return float(min(_BEYOND * finite.max(), _AT_MOST * np.median(finite)))


def _usual(rule: Rule, name: str, ends: tuple[float, float]) -> float:
    """The default of a hyperparameter, or the closest value within the range."""
    hyperparameter = rule.hyperparameter(name)
    default = None if hyperparameter is None else hyperparameter.default
    low, high = ends
    usual = default if isinstance(default, int | float) else (low + high) / 2
    return min(max(float(usual), low), high)


def _value(expression: Expression, numbers: Mapping[str, float]) -> float:
    try:
        return float(evaluate(expression, numbers))
    except (ArithmeticError, ValueError):
        return math.inf


def _factor(stable: Stability, numbers: Mapping[str, float]) -> float:
    """The factor by which a step multiplies the error, in the long run."""
    coefficients = [_value(coefficient, numbers) for coefficient in stable.coefficients]
    if not all(map(math.isfinite, coefficients)):
        return math.nan
    return float(np.abs(np.roots([1.0, *coefficients])).max(initial=0.0))
