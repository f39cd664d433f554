"""One call of ``apply`` by the interpreter: every feature in its place around the rule.

The features are written down here by themselves, in the order in which a step runs them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from tests.random_programs import arithmetic
from tests.random_programs.bounded import (
    LONG,
    VECTORS,
    Array,
    Format,
    Level,
    Number,
    Rounding,
    Truth,
    exact,
    single,
)
from tests.random_programs.interpreter import Interpreter, Value
from tests.random_programs.matrices import Layout, Part
from tests.random_programs.reductions import Freedom, reduced
from tests.random_programs.settings import MATRIX, Argument, Setting

Table = Mapping[str, Any]
#: What features are called with, where nothing is said: off.
FEATURES: Mapping[str, Argument] = {
    "weight_decay": None,
    "clipnorm": None,
    "clipvalue": None,
    "global_clipnorm": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
    "l2_penalty": None,
    "maximize": False,
}
#: The shapes of states.
SHAPES: Mapping[str, Level] = {
    "call": Level.TENSOR,
    "optimizer": Level.OPTIMIZER,
    "tensor": Level.TENSOR,
    "rows": Level.ROWS,
    "columns": Level.COLUMNS,
    "element": Level.ELEMENT,
}
GATHERED, AVERAGE = "accumulated_gradient", "parameter_average"


@dataclass
class Variable:
    """A variable with its states; ``excluded`` names the hyperparameters that it has not."""

    path: str
    param: Array
    states: dict[str, Array] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Counters:
    """Calls and updates before a call, and which variables gathered a gradient since."""

    calls: int
    updates: int
    gathered: frozenset[str]


#: What each variable holds after a call, by path and name, where it may have changed.
Expected = dict[tuple[str, str], Number]


def arguments_of(spec: Table, given: Mapping[str, Argument]) -> dict[str, Argument]:
    """Every hyperparameter with its value: as given, or by default."""
    declared = spec.get("hyperparameters", {})
    found: dict[str, Argument] = {"learning_rate": 0.001, **FEATURES}
    found |= {name: entry.get("default") for name, entry in declared.items()}
    return {**found, **given}


def excluded_values(spec: Table) -> dict[str, float]:
    """What excluded variables have in the place of a hyperparameter."""
    declared = spec.get("hyperparameters", {})
    own = {k: entry["excluded"] for k, entry in declared.items() if "excluded" in entry}
    return {"weight_decay": 0.0, **own}


@dataclass(frozen=True)
class Given:
    """A spec with arguments of its class; ``options`` are those of some variables, by pattern."""

    spec: Table
    arguments: Mapping[str, Argument]
    options: Mapping[str, Mapping[str, Argument]] = field(default_factory=dict)

    @property
    def view(self) -> str:
        """How variables are matrices; empty if they aren't."""
        found: str = self.spec.get("matrix", {}).get("view", "")
        return found

    @property
    def own(self) -> Setting:
        """The setting of the optimizer itself."""
        return Setting(self.arguments, [{**self.arguments, **o} for o in self.options.values()])

    def part(self, variable: Variable) -> Part:
        """A variable as a part of a layout."""
        is_matrix = self.view and variable.param.ndim > 1 and MATRIX not in variable.excluded
        return Part(variable.param.shape, self.view if is_matrix else "")

    def of(self, variable: Variable) -> Setting:
        """The setting of a variable."""
        arguments = dict(self.arguments)
        for pattern, values in self.options.items():
            if fnmatchcase(variable.path, pattern):
                arguments |= values
        others = excluded_values(self.spec)
        excluded = {name: others[name] for name in variable.excluded - {MATRIX}}
        is_matrix = bool(self.part(variable).view)
        return Setting(arguments, [self.arguments, *self.own.others], excluded, is_matrix)

    def level(self, state: str) -> Level:
        """What a state has one value for."""
        return SHAPES[self.spec.get("state", {}).get(state, {}).get("shape", "element")]

    def states(self, setting: Setting) -> list[str]:
        """The states that a setting has, those of features among them."""
        found = [
            name
            for name, entry in self.spec.get("state", {}).items()
            if "when" not in entry or setting.holds(ast.parse(entry["when"], mode="eval").body)
        ]
        if self.arguments["gradient_accumulation_steps"] is not None:
            found.append(GATHERED)
        if self.arguments["use_ema"]:
            found.append(AVERAGE)
        return found

    def initial(self, name: str, variable: Variable) -> Array:
        """What a state holds before the first call."""
        level, setting = self.level(name), self.of(variable)
        start = self.spec.get("state", {}).get(name, {}).get("initial", 0)
        if start == "param":
            return variable.param.copy()
        if isinstance(start, str):
            start = (self.own if level == Level.OPTIMIZER else setting).value(start)
        if level == Level.ELEMENT:
            return np.full_like(variable.param, start)
        shape = (self.part(variable).count(level),) if level in VECTORS else ()
        return np.full(shape, start, np.float64)


#: The path of what all variables share.
EVERY = "*"


class Call:
    """One call over some variables."""

    def __init__(
        self,
        given: Given,
        variables: Sequence[Variable],
        shared: Mapping[str, Array],
        counters: Counters,
        freedom: Freedom,
    ) -> None:
        """``shared`` are the states that all variables have together."""
        self._given, self._arguments, self._freedom = given, given.arguments, freedom
        self._variables, self._shared, self._counters = variables, shared, counters
        self.expected: Expected = {}

    @property
    def updates(self) -> bool:
        """Whether the call is an update, and not one that only gathers gradients."""
        window = self._arguments["gradient_accumulation_steps"]
        return window is None or (self._counters.calls + 1) % int(window) == 0

    def run(self, gradients: Mapping[str, Array]) -> Expected:
        """What the call makes of the variables, by the gradients that there are."""
        with np.errstate(all="ignore"):
            if not self.updates:
                chosen = [v for v in self._variables if v.path in gradients]
                self._gather(chosen, gradients)
                return self.expected
            seen = {*gradients, *self._counters.gathered}
            chosen = [v for v in self._variables if v.path in seen]
            self._update(chosen, gradients)
            self._average([v for v in self._variables if v.path in seen])
            self._average([v for v in self._variables if v.path not in seen])
        return self.expected

    def _gather(self, chosen: Sequence[Variable], gradients: Mapping[str, Array]) -> None:
        calculator = _Calculator(self, chosen)
        grad = self._unscaled(calculator, gradients)
        gathered = calculator.state(GATHERED)
        calculator.leave(GATHERED, arithmetic.add(calculator.rounding, gathered, grad))

    def _unscaled(self, calculator: _Calculator, gradients: Mapping[str, Array]) -> Number:
        grad = calculator.elements(
            gradients.get(v.path, np.zeros_like(v.param)) for v in calculator.variables
        )
        if self._arguments["loss_scale_factor"] is None:
            return grad
        factor = calculator.argument("loss_scale_factor")
        return arithmetic.divide(calculator.rounding, grad, factor)

    def _update(self, chosen: Sequence[Variable], gradients: Mapping[str, Array]) -> None:
        calculator = _Calculator(self, chosen)
        given, rounding = calculator.argument, calculator.rounding
        on = {
            name for name, value in self._arguments.items() if not (value is None or value is False)
        }
        param, grad = (
            calculator.elements(v.param for v in chosen),
            self._unscaled(calculator, gradients),
        )
        names: dict[str, Value] = {}
        if "gradient_accumulation_steps" in on:
            total = arithmetic.add(rounding, grad, calculator.state(GATHERED))
            grad = arithmetic.divide(rounding, total, given("gradient_accumulation_steps"))
            calculator.leave(GATHERED, calculator.constant(0.0))
        for clip, norm in (("clipnorm", "norm"), ("global_clipnorm", "global_norm")):
            if clip in on:
                most = given(clip)
                found = calculator.reduced(norm, grad)
                larger = arithmetic.largest(rounding, found, most)
                factor = arithmetic.divide(rounding, most, larger)
                grad = arithmetic.multiply(rounding, grad, factor)
        if "clipvalue" in on:
            most = given("clipvalue")
            grad = arithmetic.clip(rounding, grad, arithmetic.negative(rounding, most), most)
        if "maximize" in on:
            grad = arithmetic.negative(rounding, grad)
        if "l2_penalty" in on:
            penalty = arithmetic.multiply(rounding, given("l2_penalty"), param)
            grad = arithmetic.add(rounding, grad, penalty)
        if "weight_decay" in on:
            decay = arithmetic.multiply(rounding, param, given("weight_decay"))
            decay = arithmetic.multiply(rounding, decay, given("learning_rate"))
            param = arithmetic.subtract(rounding, param, decay)
        names |= {"param": param, "grad": grad}
        calculator.run(names)

    def _average(self, variables: Sequence[Variable]) -> None:
        """The moving average, of every variable, after its update."""
        if not self._arguments["use_ema"] or not variables:
            return
        calculator = _Calculator(self, variables)
        rounding = calculator.rounding
        param, average = calculator.now("param"), calculator.state(AVERAGE)
        updates = self._counters.updates + 1
        kept = calculator.argument("ema_momentum") if updates > 1 else calculator.constant(0.0)
        new = arithmetic.subtract(rounding, calculator.constant(1.0), kept)
        way = arithmetic.subtract(rounding, param, average)
        average = arithmetic.add(rounding, average, arithmetic.multiply(rounding, new, way))
        calculator.leave(AVERAGE, average)
        frequency = self._arguments["ema_overwrite_frequency"]
        if frequency is not None and updates % int(frequency) == 0:
            calculator.leave("param", average)


class _Calculator:
    """The elements of some variables, side by side."""

    def __init__(self, call: Call, variables: Sequence[Variable]) -> None:
        self._call, self.variables = call, variables
        given, freedom = call._given, call._freedom
        parts = [given.part(v) for v in variables]
        self._settings = [given.of(v) for v in variables]
        dtypes = [
            v.param.dtype for v, p in zip(variables, parts, strict=True) for _ in range(p.places)
        ]
        wide = {"wide_host": freedom.wide_host, "wide_numbers": freedom.wide_numbers}
        self.rounding = Rounding(Format.of(dtypes), **wide)
        self._layout = Layout(parts, self.rounding)

    def elements(self, arrays: Iterable[Array]) -> Number:
        """Arrays of all variables, side by side."""
        found = [np.zeros(0)]
        for part, array in zip(self._layout.parts, arrays, strict=True):
            found.append(np.asarray(array).ravel() if part.size else np.zeros(part.places))
        return exact(np.concatenate(found))

    def state(self, name: str) -> Number:
        """A state as it was before the call; zeros for variables that don't have it."""
        level = self._call._given.level(name)
        if level == Level.OPTIMIZER:
            value = np.full(self._layout.count, self._call._shared[name])
            return exact(value, level)
        found = [np.zeros(0)]
        for part, variable in zip(self._layout.parts, self.variables, strict=True):
            array = variable.states.get(name)
            if array is None or not array.size:
                found.append(np.zeros(part.places))
            else:
                found.append(array.ravel()[part.units(level)])
        return exact(np.concatenate(found), level)

    def now(self, name: str) -> Number:
        """What was left of a value, or the value before the call."""
        found = [self._call.expected.get((v.path, name)) for v in self.variables]
        if any(one is None for one in found):
            return self.elements(v.param for v in self.variables)
        known = [one for one in found if one is not None]
        values = self.elements(one.value for one in known)
        errors = self.elements(one.error for one in known)
        return Number(values.value, errors.value, Level.ELEMENT)

    def constant(self, value: float) -> Number:
        return single(value, self._layout.count)

    def argument(self, name: str) -> Number:
        """A hyperparameter, which variables may be excluded from."""
        values = [float(setting.value(name) or 0) for setting in self._settings]
        found = self._layout.spread(values)
        return Number(found.astype(LONG), np.zeros(len(found), LONG), Level.HOST)

    def reduced(self, name: str, value: Number) -> Number:
        running = np.ones(self._layout.count, np.bool_)
        return reduced(self._layout, self._call._freedom, name, value, running)

    def run(self, names: dict[str, Value]) -> None:
        """Run the rule, and leave what it makes of the parameter and the states."""
        call, given = self._call, self._call._given
        own = given.own
        held = [{*given.states(setting)} for setting in [own, *self._settings]]
        declared = given.spec.get("state", {})
        states = {name: given.level(name) for name in declared if any(name in h for h in held)}
        names |= {name: self.state(name) for name in states}
        names["call"] = self.constant(call._counters.calls + 1)
        names["step"] = self.constant(call._counters.updates + 1)
        interpreter = Interpreter(self._layout, call._freedom, self._settings, own, names)
        interpreter.run(given.spec["update"]["rule"], states)
        for name in ("param", *states):
            found = interpreter.names[name]
            assert not isinstance(found, Truth)
            self.leave(name, found)

    def leave(self, name: str, value: Number) -> None:
        """Take over a value of the parameter or a state."""
        given, expected = self._call._given, self._call.expected
        level = given.level(name)
        value = self.rounding.at(value, level)
        if level == Level.OPTIMIZER:
            expected[EVERY, name] = Number(value.value[:1], value.error[:1], level)
            return
        for place, variable in enumerate(self.variables):
            part, (first, last) = self._layout.parts[place], self._layout.bounds[place]
            # Of a variable without elements, no number changes.
            is_kept = part.size or level == Level.ELEMENT
            if is_kept and (name in variable.states or name == "param"):
                _, at = np.unique(part.units(level), return_index=True)
                at = at[: part.count(level)] + first
                assert all(at < last)
                expected[variable.path, name] = Number(value.value[at], value.error[at], level)
