"""One call of ``apply`` by the interpreter: every feature in its place around the rule.

The features are written down here by themselves, in the order in which a step runs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.random_programs import arithmetic
from tests.random_programs.bounded import (
    Array,
    Format,
    Level,
    Number,
    Rounding,
    Truth,
    exact,
    single,
)
from tests.random_programs.interpreter import Argument, Freedom, Interpreter, Layout, Value

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


def existing_states(spec: Table, arguments: Mapping[str, Argument]) -> dict[str, Table]:
    """The states that a setting has, those of features among them."""
    asked = Interpreter(Layout((), Rounding(Format.of([])), Freedom()), arguments, {})
    found = {
        name: entry
        for name, entry in spec.get("state", {}).items()
        if "when" not in entry or asked.static(asked.parsed(entry["when"]))
    }
    if arguments["gradient_accumulation_steps"] is not None:
        found[GATHERED] = {}
    if arguments["use_ema"]:
        found[AVERAGE] = {}
    return found


def initial(spec: Table, arguments: Mapping[str, Argument], name: str, variable: Variable) -> Array:
    """What a state holds before the first call."""
    start = spec.get("state", {}).get(name, {}).get("initial", 0)
    if start == "param":
        return variable.param.copy()
    if isinstance(start, str):
        values = {**arguments, **{k: excluded_values(spec)[k] for k in variable.excluded}}
        start = values[start]
    return np.full_like(variable.param, start)


class Call:
    """One call over some variables."""

    def __init__(
        self,
        spec: Table,
        arguments: Mapping[str, Argument],
        variables: Sequence[Variable],
        counters: Counters,
        freedom: Freedom,
    ) -> None:
        self._spec, self._arguments, self._freedom = spec, arguments, freedom
        self._variables, self._counters = variables, counters
        self._states = existing_states(spec, arguments)
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
        own = [name for name in self._states if name not in (GATHERED, AVERAGE)]
        names |= {name: calculator.state(name) for name in own}
        names |= {"param": param, "grad": grad}
        calculator.run(names, own)

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
        ends = np.cumsum([v.param.size for v in variables]).tolist()
        self._bounds = list(zip([0, *ends], ends, strict=False))
        dtypes = [v.param.dtype for v in variables for _ in range(v.param.size)]
        self.rounding = Rounding(Format.of(dtypes), wide_host=call._freedom.wide_host)
        self._count = len(dtypes)
        self._layout = Layout(self._bounds, self.rounding, call._freedom)

    def elements(self, arrays: Iterable[Array]) -> Number:
        """Arrays of all variables, side by side."""
        flat = [np.asarray(array).ravel() for array in arrays]
        return exact(np.concatenate(flat) if flat else np.zeros(0))

    def state(self, name: str) -> Number:
        """A state as it was before the call."""
        return self.elements(v.states[name] for v in self.variables)

    def now(self, name: str) -> Number:
        """What was left of a value, or the value before the call."""
        found = [self._call.expected.get((v.path, name)) for v in self.variables]
        if any(one is None for one in found):
            return self.elements(v.param for v in self.variables)
        known = [one for one in found if one is not None]
        return Number(
            np.concatenate([one.value for one in known]),
            np.concatenate([one.error for one in known]),
            Level.ELEMENT,
        )

    def constant(self, value: float) -> Number:
        return single(value, self._count)

    def argument(self, name: str) -> Number:
        """A hyperparameter, which variables may be excluded from."""
        value = self._call._arguments[name]
        assert value is not None
        found, others = single(float(value), self._count), excluded_values(self._call._spec)
        for (first, last), variable in zip(self._bounds, self.variables, strict=True):
            if name in variable.excluded:
                found.value[first:last] = others[name]
        return found

    def reduced(self, name: str, value: Number) -> Number:
        return Interpreter(self._layout, {}, {})._reduced(name, value)

    def run(self, names: dict[str, Value], states: Sequence[str]) -> None:
        """Run the rule, and leave what it makes of the parameter and the states."""
        arguments, counters = self._call._arguments, self._call._counters
        names["call"] = self.constant(counters.calls + 1)
        names["step"] = self.constant(counters.updates + 1)
        for name, value in arguments.items():
            if not isinstance(value, bool | None):
                names.setdefault(name, self.argument(name))
        interpreter = Interpreter(self._layout, arguments, names)
        interpreter.run(self._call._spec["update"]["rule"], states)
        for name in ("param", *states):
            found = interpreter.names[name]
            assert not isinstance(found, Truth)
            self.leave(name, found)

    def leave(self, name: str, value: Number) -> None:
        """Take over a value of the parameter or a state."""
        value = self.rounding.at(value, Level.ELEMENT)
        for (first, last), variable in zip(self._bounds, self.variables, strict=True):
            own = slice(first, last)
            part = Number(value.value[own], value.error[own], Level.ELEMENT)
            self._call.expected[variable.path, name] = part
