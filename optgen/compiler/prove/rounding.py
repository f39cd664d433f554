"""Where mathematics is safe and float32 is not: short runs, computed as kernels compute.

What depends on hyperparameters and counters alone is computed in float64 and rounded once; all
else is float32 throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from optgen.compiler.nouns.expression import REDUCTIONS, Expression, Name, Number, Operation, walk
from optgen.compiler.nouns.proof import Finding, Group, Verdict
from optgen.compiler.nouns.rule import CALL, GRAD, PARAM, STEP
from optgen.compiler.prove.domains import Demand, asked
from optgen.compiler.prove.variant import Variant

#: Gradients that runs are made with, side by side: of a size, with so much noise on it.
SIZES, NOISES, STEPS = (0.1, 1.0, 3.0, 10.0, 100.0, 1000.0), (0.0, 1e-6, 1e-5, 1e-4, 1e-2), 300

#: Longer rules aren't run.
MOST_PARTS = 500

Array = np.ndarray[Any, np.dtype[Any]]
Values = dict[str, Any]
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.mod,
    "**": np.power,
    "neg": np.negative,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "sign": np.sign,
    "max": np.maximum,
    "min": np.minimum,
    "clip": np.clip,
    "where": np.where,
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


def rounding(variant: Variant, defaults: Mapping[str, float]) -> Iterator[Finding]:
    """A finding for each operand that float32 brings out of its domain in a short run."""
    expressions = [step.expression for step in variant.assignments]
    parts = [part for expression in expressions for part in walk(expression)]
    takes_tensors = any(isinstance(p, Operation) and p.operator in REDUCTIONS for p in parts)
    if takes_tensors or len(parts) > MOST_PARTS:
        return
    with np.errstate(all="ignore"):
        for demand, values, value in _run(variant, defaults):
            yield _finding(variant, demand, values, value)


def _gradients() -> Array:
    """A row for each step, with the gradient of every run in it; smaller ones stand first."""
    draw = np.random.default_rng(0)
    size, noise = (np.ravel(part) for part in np.meshgrid(SIZES, NOISES, indexing="ij"))
    return (size * (1 + noise * draw.uniform(-1, 1, (STEPS, size.size)))).astype(np.float32)


def _run(variant: Variant, defaults: Mapping[str, float]) -> Iterator[tuple[Demand, Values, float]]:
    """The first time that each operand leaves its domain, with what that step began with."""
    rows = _gradients()
    values: Values = {name: np.float64(value) for name, value in defaults.items()}
    for name, initial in ((PARAM, 1.0), *((s.name, s.initial) for s in variant.states)):
        start = values.get(initial, 1.0) if isinstance(initial, str) else initial
        values[name] = np.full(rows.shape[1], start, np.float32)
    told: set[str] = set()
    for number, row in enumerate(rows, start=1):
        values |= {GRAD: row, STEP: np.float64(number), CALL: np.float64(number)}
        before = dict(values)
        for step in variant.assignments:
            for demand in asked(step.expression, ()):
                if demand.guards or demand.what in told:
                    continue
                value = np.broadcast_to(_value(demand.operand, values), row.shape)
                out = np.flatnonzero(_leaves(value, demand.sign))
                if out.size:
                    told.add(demand.what)
                    # Of all runs that show it, the one with the smallest gradients.
                    yield demand, _column(before, int(out[0])), float(value[out[0]])
            values[step.target] = _value(step.expression, values)


def _column(values: Values, run: int) -> Values:
    return {name: value[run] if np.ndim(value) else value for name, value in values.items()}


def _leaves(value: Array, sign: str) -> Any:
    if sign == "!= 0":
        return value == 0
    return value < 0 if sign == ">= 0" else value <= 0


def _value(expression: Expression, values: Values) -> Any:
    match expression:
        case Number(number):
            return np.float64(number)
        case Name(name):
            return values[name]
        case Operation(operator, operands):
            found = [_value(operand, values) for operand in operands]
            if any(np.ndim(value) and value.dtype == np.float32 for value in found):
                found = [v if v.dtype == np.bool_ else np.float32(v) for v in found]
            return _FUNCTIONS[operator](*found)


def _finding(variant: Variant, demand: Demand, values: Values, value: float) -> Finding:
    shown = [GRAD, *(state.name for state in variant.states)]
    numbers = {name: float(values[name]) for name in shown}
    listed = ", ".join(f"{name} = {numbers[name]!r}" for name in shown)
    reason = f"{listed} bring it to {value!r} by rounding"
    statement = f"in float32 {demand.what} is defined"
    return Finding(
        Group.FLOAT32,
        statement,
        Verdict.REFUTED,
        demand.location,
        variant.label,
        reason,
        numbers,
    )
