"""A program's run by optgen beside the interpreter's, call by call.

Each call begins with what optgen left of the one before: bounds don't grow from call to call.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

import optgen.runtime.tables
from optgen.runtime.optimizer import Optimizer
from tests.random_programs.bounded import Array, Number
from tests.random_programs.interpreter import Freedom
from tests.random_programs.program import Program
from tests.random_programs.step import (
    Call,
    Counters,
    Variable,
    arguments_of,
    existing_states,
    initial,
)

#: A bound beyond this part of a number says too little to be called a comparison.
VAGUE = 0.01


@dataclass
class Outcome:
    """What came of a comparison: numbers compared, numbers of which too little is known."""

    compared: int = 0
    vague: int = 0
    special: int = 0
    differences: list[str] = field(default_factory=list)
    #: The longest part of it, in seconds, and what that was.
    slowest: tuple[float, str] = (0.0, "")

    def take(self, where: str, expected: Number, found: Array) -> None:
        """Compare the elements of a result."""
        found = found.ravel()
        size = abs(expected.value)
        with np.errstate(all="ignore"):
            known = expected.known
            same = (found == expected.value) | (np.isnan(found) & np.isnan(expected.value))
            near = abs(found.astype(np.longdouble) - expected.value) <= expected.error
            vague = ~known | (expected.error > VAGUE * size + 1e-30)
        vague &= ~(known & ~np.isfinite(expected.value))
        self.vague += int(vague.sum())
        self.compared += int((~vague).sum())
        self.special += int((known & ~np.isfinite(expected.value)).sum())
        for place in np.flatnonzero(known & ~(same | near)):
            value, error = float(expected.value[place]), float(expected.error[place])
            self.differences.append(
                f"{where}[{place}] is {found[place]!r}, not {value!r} with an error of {error:.2g}"
            )


@contextmanager
def small_chunks(elements: int = 8) -> Iterator[None]:
    """Chunks so short that small variables have several."""
    before = optgen.runtime.tables.CHUNK
    optgen.runtime.tables.CHUNK = elements
    try:
        yield
    finally:
        optgen.runtime.tables.CHUNK = before


class Runner(Protocol):
    """What runs a program; arrays go in and come out by the path of their variable."""

    def build(self, params: Mapping[str, Array]) -> None:
        """Take the variables and make their states."""

    def apply(self, gradients: Mapping[str, Array | None]) -> None:
        """Make one call."""

    @property
    def updates(self) -> int:
        """The number of updates so far."""

    def values(self) -> Mapping[str, Mapping[str, Array]]:
        """Copies of the parameter, as ``param``, and the states of each variable."""


def configured(kind: Any, program: Program) -> Any:
    """An optimizer of a class, with the arguments and exclusions of a program."""
    optimizer = kind(**program.arguments)
    excluded = {name for form in program.forms for name in form.excluded}
    for name in sorted(excluded):
        paths = [form.path for form in program.forms if name in form.excluded]
        # A smaller program may have lost the hyperparameter.
        exclude = getattr(optimizer, f"exclude_from_{name}", lambda **_: None)
        exclude(var_names=[f"^{path}$" for path in paths])
    return optimizer


def unchanged(array: Any) -> Any:
    """An array of the host is where it should be."""
    return array


class Arrays:
    """A generated optimizer over arrays, which ``put`` and ``get`` bring to where they live."""

    def __init__(
        self,
        kind: type[Optimizer],
        program: Program,
        put: Callable[[Array], Any] = unchanged,
        get: Callable[[Any], Array] = unchanged,
    ) -> None:
        self._optimizer: Optimizer = configured(kind, program)
        self._put, self._get = put, get
        self._params: dict[str, Any] = {}

    def build(self, params: Mapping[str, Array]) -> None:
        """Take copies of the variables."""
        self._params = {path: self._put(array.copy()) for path, array in params.items()}
        self._optimizer.build(self._params)

    def apply(self, gradients: Mapping[str, Array | None]) -> None:
        """Make one call."""
        given = {k: None if g is None else self._put(g) for k, g in gradients.items()}
        self._optimizer.apply(given)

    @property
    def updates(self) -> int:
        """The number of updates so far."""
        return self._optimizer.iterations

    def values(self) -> dict[str, dict[str, Array]]:
        """Copies of parameters and states."""
        state = self._optimizer.state
        return {
            path: {
                name: self._get(array).copy()
                for name, array in {"param": param, **state[path]}.items()
            }
            for path, param in self._params.items()
        }


def compare(runner: Runner, program: Program, freedom: Freedom | None = None) -> Outcome:
    """Run a program, and each of its calls by the interpreter."""
    outcome, spec = Outcome(), program.spec
    arguments = arguments_of(spec, program.arguments)
    variables = program.variables()
    runner.build({v.path: v.param for v in variables})
    wanted = existing_states(spec, arguments)
    for variable in variables:
        states = {k: v for k, v in runner.values()[variable.path].items() if k != "param"}
        if states.keys() != wanted.keys():
            outcome.differences.append(f"states {sorted(states)}, not {sorted(wanted)}")
            return outcome
        for name, array in states.items():
            if not np.array_equal(array, initial(spec, arguments, name, variable), equal_nan=True):
                outcome.differences.append(f"{variable.path}.{name} begins at {array!r}")
    gathered: frozenset[str] = frozenset()
    for number, row in enumerate(program.gradients(), start=1):
        before = _taken(variables, runner)
        counters = Counters(number - 1, runner.updates, gathered)
        call = Call(spec, arguments, before, counters, freedom or Freedom())
        expected = call.run(row)
        gathered = frozenset() if call.updates else gathered | {*row}
        with warnings.catch_warnings():
            # Of gradients that are missing on purpose.
            warnings.simplefilter("ignore", UserWarning)
            runner.apply({v.path: row.get(v.path) for v in variables})
        _check(outcome, number, expected, before, _taken(variables, runner))
        if outcome.differences:
            break
    return outcome


def _taken(variables: list[Variable], runner: Runner) -> list[Variable]:
    """Variables as they are now."""
    values = runner.values()
    found = []
    for v in variables:
        states = dict(values[v.path])
        found.append(Variable(v.path, states.pop("param"), states, v.excluded))
    return found


def _check(
    outcome: Outcome,
    number: int,
    expected: Mapping[tuple[str, str], Number],
    before: list[Variable],
    after: list[Variable],
) -> None:
    for old, new in zip(before, after, strict=True):
        olds, news = {"param": old.param, **old.states}, {"param": new.param, **new.states}
        for name, array in news.items():
            where = f"call {number}: {old.path}.{name}"
            if (old.path, name) in expected:
                outcome.take(where, expected[old.path, name], array)
            elif not np.array_equal(array, olds[name], equal_nan=True):
                outcome.differences.append(f"{where} changed from {olds[name]!r} to {array!r}")
