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

from optgen.runtime import tables, tiles
from optgen.runtime.optimizer import Optimizer
from tests.random_programs.bounded import Array, Level, Number
from tests.random_programs.program import Program
from tests.random_programs.reductions import Freedom
from tests.random_programs.step import EVERY, Call, Counters, Given, Variable, arguments_of

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
    """Chunks and tiles so short that small variables have several."""
    before = tables.CHUNK, tiles._ROWS, tiles._COLUMNS, tiles._ELEMENTS
    tables.CHUNK, tiles._ROWS, tiles._COLUMNS, tiles._ELEMENTS = elements, 2, 3, 6
    try:
        yield
    finally:
        tables.CHUNK, tiles._ROWS, tiles._COLUMNS, tiles._ELEMENTS = before


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
    options = {"options": program.options} if program.options else {}
    optimizer = kind(**program.arguments, **options)
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
        self._params = {path: self._put(array.copy(order="K")) for path, array in params.items()}
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
        every = {path: {"param": param, **state[path]} for path, param in self._params.items()}
        if EVERY in state:
            every[EVERY] = state[EVERY]
        return {
            path: {name: self._get(array).copy() for name, array in own.items()}
            for path, own in every.items()
        }


def compare(runner: Runner, program: Program, freedom: Freedom | None = None) -> Outcome:
    """Run a program, and each of its calls by the interpreter."""
    outcome, spec = Outcome(), program.spec
    given = Given(spec, arguments_of(spec, program.arguments), program.options)
    variables = program.variables()
    with warnings.catch_warnings():
        # Of options that fit no variable.
        warnings.simplefilter("ignore", UserWarning)
        runner.build({v.path: v.param for v in variables})
    _check_start(outcome, given, variables, runner)
    gathered: frozenset[str] = frozenset()
    for number, row in enumerate(program.gradients(), start=1):
        if outcome.differences:
            break
        before, shared = _taken(variables, runner)
        counters = Counters(number - 1, runner.updates, gathered)
        call = Call(given, before, shared, counters, freedom or Freedom())
        expected = call.run(row)
        gathered = frozenset() if call.updates else gathered | {*row}
        with warnings.catch_warnings():
            # Of gradients that are missing on purpose.
            warnings.simplefilter("ignore", UserWarning)
            runner.apply({v.path: row.get(v.path) for v in variables})
        after, now = _taken(variables, runner)
        _check(outcome, number, expected, before, after)
        every = (Variable(EVERY, np.zeros(0), dict(states)) for states in (shared, now))
        _check(outcome, number, expected, *([one] for one in every))
    return outcome


def _check_start(outcome: Outcome, given: Given, variables: list[Variable], runner: Runner) -> None:
    """The states of variables, and of all together, as they begin."""
    found, shared = _taken(variables, runner)
    for old, new in zip(variables, found, strict=True):
        every = given.states(given.of(old))
        wanted = {name for name in every if given.level(name) != Level.OPTIMIZER}
        if new.states.keys() != wanted:
            outcome.differences.append(f"states {sorted(new.states)}, not {sorted(wanted)}")
            return
        for name, array in new.states.items():
            _compare_start(outcome, f"{old.path}.{name}", given.initial(name, old), array)
    for name, array in shared.items():
        _compare_start(outcome, name, given.initial(name, variables[0]), array)


def _compare_start(outcome: Outcome, where: str, expected: Array, found: Array) -> None:
    same = np.array_equal(found, expected, equal_nan=True)
    if not same or found.dtype != expected.dtype:
        outcome.differences.append(f"{where} begins at {found!r}, not {expected!r}")


def _taken(variables: list[Variable], runner: Runner) -> tuple[list[Variable], Mapping[str, Array]]:
    """Variables as they are now, and what they share."""
    values = runner.values()
    found = []
    for v in variables:
        states = dict(values[v.path])
        found.append(Variable(v.path, states.pop("param"), states, v.excluded))
    return found, values.get(EVERY, {})


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
