"""A search that tries to break the proved bounds: random inputs, then hill climbing.

``python -m tests.analysis.measure.search [INPUTS]`` searches for every built-in rule, setting and
result, with 100,000 inputs each, and prints bound and largest error found.

Steps are computed on arrays in float32, operation by operation, and in extended precision;
the worst input of each search is measured again against 50 digits, by emulated arithmetic.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optgen.analysis.exact import ranges
from optgen.analysis.measure import exact_step, planned_step
from optgen.analysis.measure.error_bounds import analyse, bounds_of
from optgen.analysis.measure.ieee import SMALLEST, error_in_ulps, to_float32
from optgen.analysis.measure.rounding_analysis import Analysis
from optgen.analysis.measure.settings import Setting, settings
from optgen.compiler.ir.accuracy import STEP_RESULT, Bound
from optgen.compiler.ir.expression import Expression, Name, Number
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.rule import CALL, GRAD, PARAM, STEP
from optgen.compiler.ir.value import evaluate
from optgen.compiler.library import optimizer_files
from optgen.compiler.pipeline import load_all, plan_of, surroundings

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = Mapping[str, Array]
STEPS = (1, 2, 7, 1000)
#: Rounds of hill climbing, and how many of the inputs go on to the next.
ROUNDS, KEPT = 12, 0.05

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
    "neg": np.negative,
    "square": lambda a: a * a,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "abs": np.abs,
    "sign": np.sign,
    "max": np.maximum,
    "min": np.minimum,
    "%": np.remainder,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "where": np.where,
}


def computed(expression: Expression, values: Arrays, kind: type[np.floating[Any]]) -> Array:
    """The values on arrays of one format, in which every operation is rounded."""
    match expression:
        case Number(value):
            return np.asarray(value, kind)
        case Name(name):
            known = values[name]
            return known if known.dtype == np.bool_ else known.astype(kind, copy=False)
    operands = [computed(operand, values, kind) for operand in expression.operands]
    found: Array = np.asarray(FUNCTIONS[expression.operator](*operands))
    if found.dtype == np.bool_:
        return found
    if kind is np.float32:
        found = np.where(np.abs(found) < SMALLEST, np.float32(0), found)
    return found.astype(kind)


def magnitude(
    expression: Expression, sizes: Arrays, values: Arrays, relative: set[Expression]
) -> Array:
    """What errors are a part of: the value where terms of sums agree in sign."""
    match expression:
        case Number(number):
            return np.asarray(abs(number), np.longdouble)
        case Name(name):
            return sizes[name]
    value = np.abs(computed(expression, values, np.longdouble))
    operator = expression.operator
    if expression in relative or operator in ("sqrt", "exp", "sign", "**"):
        return value
    found: list[Array] = [
        magnitude(operand, sizes, values, relative) for operand in expression.operands
    ]
    match operator:
        case "+" | "-":
            return found[0] + found[1]
        case "*":
            return found[0] * found[1]
        case "square":
            return found[0] ** 2
        case "/":
            return found[0] / np.abs(computed(expression.operands[1], values, np.longdouble))
        case "max" | "min":
            return np.maximum(*found)
        case "neg" | "abs":
            return found[0]
    return value


@dataclass(frozen=True)
class Target:
    """A setting of a rule, and the step that is searched."""

    setting: Setting
    analysis: Analysis
    step: int

    @property
    def inputs(self) -> tuple[str, ...]:
        """What a step reads of each element."""
        return GRAD, *(state.name for state in self.setting.states)

    def draw(self, count: int, rng: np.random.Generator) -> dict[str, Array]:
        """Inputs of all sizes whose squares are normal numbers."""
        size = 10 ** rng.uniform(-6, 6, count)
        found = {}
        for name in self.inputs:
            drawn = size ** rng.choice([1, 2]) * 10 ** rng.uniform(-2, 2, count)
            drawn *= 1 if self._is_positive(name) else rng.choice([-1, 1], count)
            found[name] = drawn.astype(np.float32)
        return found

    def near(self, parents: Arrays, rng: np.random.Generator) -> dict[str, Array]:
        """Each input moved a little, by ulps or by a part of itself."""
        count = len(parents[GRAD])
        size = 10 ** rng.uniform(-7, -0.5, count)
        return {
            name: (value * (1 + size * rng.normal(size=count))).astype(np.float32)
            if self._is_positive(name) or rng.random() < 0.9
            else -value
            for name, value in parents.items()
        }

    def _is_positive(self, name: str) -> bool:
        """Whether the invariant of a state is that, as ``analysis`` knows states after the step."""
        stated = {state.name: state.invariant for state in self.setting.states}
        invariant = stated.get(name)
        known = None if invariant is None else ranges.bound(invariant, name)
        return known is not None and known.is_nonnegative

    def _is_possible(self, inputs: Arrays) -> Array:
        """Where states keep their invariants, which bounds rely on."""
        numbers = {n: np.asarray(v, np.longdouble) for n, v in self.setting.numbers.items()}
        stated = [state.invariant for state in self.setting.states if state.invariant is not None]
        possible: Array = np.ones(inputs[GRAD].shape, np.bool_)
        for invariant in stated:
            possible &= computed(invariant, {**numbers, **inputs}, np.longdouble)
        return possible

    def results(self, inputs: Arrays) -> dict[str, Array]:
        """What a step makes of inputs and a parameter of 0: elements in float32, others wider."""
        numbers = {**self.setting.numbers, STEP: float(self.step), CALL: float(self.step)}
        values: dict[str, Array] = {n: np.asarray(v, np.float64) for n, v in numbers.items()}
        for item in self.setting.host:
            values[item.target] = computed(item.expression, values, np.float64)
        values |= {**inputs, PARAM: np.zeros_like(inputs[GRAD])}
        for item in self.setting.body:
            kind = np.float32 if item.extent is Extent.ELEMENT else np.float64
            values[item.target] = computed(item.expression, values, kind)
        return {name: values[self._new(name)] for name in (PARAM, *self.inputs[1:])}

    def _new(self, name: str) -> str:
        """The name of the value that a state keeps."""
        return self.setting.kept.get(name, name)

    def errors(self, inputs: Arrays, results: Arrays) -> dict[str, Array]:
        """The error of each result, in ulps of what its bound is in; 0 of impossible inputs."""
        numbers = {**self.setting.numbers, STEP: float(self.step), CALL: float(self.step)}
        exact: dict[str, Array] = {n: np.asarray(v, np.longdouble) for n, v in numbers.items()}
        exact |= {name: value.astype(np.longdouble) for name, value in inputs.items()}
        exact[PARAM] = np.zeros_like(exact[GRAD])
        for item in self.setting.host:
            exact[item.target] = computed(item.expression, exact, np.longdouble)
        sizes = {name: np.abs(value) for name, value in exact.items()}
        for item in self.setting.body:
            sizes[item.target] = magnitude(item.expression, sizes, exact, self.analysis.relative)
            exact[item.target] = computed(item.expression, exact, np.longdouble)
        found, possible = {}, self._is_possible(inputs)
        for name, value in results.items():
            new = self._new(name)
            off = np.abs(value.astype(np.longdouble) - exact[new])
            _, exponent = np.frexp(sizes[new].astype(np.float64))
            ulp = np.ldexp(1.0, np.maximum(exponent, -125) - 24)
            normal = (sizes[new] > 2.0**-100) & (sizes[new] < 2.0**100)
            error = np.where(possible & normal & np.isfinite(value), off / ulp, 0.0)
            found[STEP_RESULT if name == PARAM else name] = error.astype(np.float64)
        return found

    def precisely(self, inputs: Mapping[str, float]) -> dict[str, float]:
        """The same of one input, by emulated arithmetic against 50 digits."""
        given = {**self.setting.numbers, **inputs, PARAM: 0.0}
        given |= {STEP: float(self.step), CALL: float(self.step)}
        exact = exact_step(self.setting, given, self.analysis.relative)
        return {
            STEP_RESULT if n == PARAM else n: error_in_ulps(v, exact[n].value, exact[n].magnitude)
            for n, v in planned_step(self.setting, given).items()
        }


def worst(
    target: Target, result: str, count: int, rounds: int = ROUNDS
) -> tuple[float, dict[str, float]]:
    """The largest error of a result that a search finds, and the input."""
    rng = np.random.default_rng(target.step)
    with np.errstate(all="ignore"):
        inputs = target.draw(count, rng)
        for _ in range(rounds):
            order = np.argsort(target.errors(inputs, target.results(inputs))[result])[::-1]
            best = {n: v[order[: max(1, int(KEPT * len(order)))]] for n, v in inputs.items()}
            times = -(-count // (rounds * len(best[GRAD])))
            moved = [target.near(best, rng) for _ in range(times)]
            inputs = {n: np.concatenate([best[n], *(one[n] for one in moved)]) for n in best}
        at = int(np.argmax(target.errors(inputs, target.results(inputs))[result]))
    worst_input = {name: to_float32(float(value[at])) for name, value in inputs.items()}
    return target.precisely(worst_input)[result], worst_input


def varied(setting: Setting, plan: Plan, rng: np.random.Generator) -> Setting:
    """The same setting with other numbers for what is from 0 to 1, or positive, in its range."""
    numbers = dict(setting.numbers)
    for name, value in numbers.items():
        hyperparameter = plan.rule.hyperparameter(name)
        if value and hyperparameter is not None and not hyperparameter.is_switch:
            allowed = hyperparameter.range
            one = 0 < value <= 1 and allowed is not None and value > 0.01
            drawn = float(1 - 10 ** rng.uniform(-4, -0.1) if one else value * rng.uniform(0.1, 10))
            drawn = float(round(drawn)) if hyperparameter.integer else drawn
            if allowed is None or evaluate(allowed, {**numbers, name: drawn}):
                numbers[name] = drawn
    return replace(setting, numbers=numbers)


def searches(
    plan: Plan, count: int, steps: Sequence[int] = STEPS, rounds: int = ROUNDS
) -> Iterator[tuple[Bound, float, dict[str, float]]]:
    """Each bound of a plan with the largest error found, and the input that has it."""
    rng = np.random.default_rng(0)
    for setting in settings(plan):
        analysis = analyse(plan.rule, setting)
        for bound in bounds_of(setting, analysis):
            tries = [setting, varied(setting, plan, rng)]
            each = count // len(steps) // len(tries)
            found = [
                worst(Target(one, analysis, step), bound.result, each, rounds)
                for one in tries
                for step in steps
            ]
            yield bound, *max(found, key=lambda pair: pair[0])


def main(count: int) -> None:
    """Search all built-in rules."""
    around = surroundings()
    for spec in load_all(optimizer_files()):
        for bound, error, inputs in searches(plan_of(spec, around), count):
            most = "none" if bound.ulps is None else f"{float(bound.ulps):.2f}"
            name, where = spec.name.value, bound.setting
            print(f"{name:14}{bound.result:17}{most:>6} {error:10.2f}  {where} {inputs}")
            assert bound.ulps is None or error <= bound.ulps


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
