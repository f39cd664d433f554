"""A program's run by optgen beside the interpreter's, call by call.

Each call begins with what optgen left of the one before: bounds don't grow from call to call.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import optgen.runtime.tables
from optgen.runtime.optimizer import Optimizer
from tests.random_programs.bounded import Array, Number
from tests.random_programs.interpreter import Sums
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


def new(kind: type[Optimizer], program: Program) -> Optimizer:
    """The optimizer of a run, not built yet."""
    optimizer = kind(**program.arguments)  # type: ignore[call-arg]
    excluded = {name for form in program.forms for name in form.excluded}
    for name in excluded & {h.name for h in kind.hyperparameters}:
        paths = [form.path for form in program.forms if name in form.excluded]
        exclude = getattr(optimizer, f"exclude_from_{name}")
        exclude(var_names=[f"^{path}$" for path in paths])
    return optimizer


def compare(kind: type[Optimizer], program: Program, sums: Sums | None = None) -> Outcome:
    """Run a program on the CPU and by the interpreter."""
    outcome, spec = Outcome(), program.spec
    arguments = arguments_of(spec, program.arguments)
    variables = program.variables()
    held = {v.path: v.param.copy() for v in variables}
    optimizer = new(kind, program)
    optimizer.build(held)
    wanted = existing_states(spec, arguments)
    for variable in variables:
        states = optimizer.state[variable.path]
        if states.keys() != wanted.keys():
            outcome.differences.append(f"states {sorted(states)}, not {sorted(wanted)}")
            return outcome
        for name, array in states.items():
            if not np.array_equal(array, initial(spec, arguments, name, variable), equal_nan=True):
                outcome.differences.append(f"{variable.path}.{name} begins at {array!r}")
    gathered: frozenset[str] = frozenset()
    for number, row in enumerate(program.gradients(), start=1):
        before = _taken(variables, held, optimizer)
        counters = Counters(number - 1, optimizer.iterations, gathered)
        call = Call(spec, arguments, before, counters, sums or Sums())
        expected = call.run(row)
        gathered = frozenset() if call.updates else gathered | {*row}
        with warnings.catch_warnings():
            # Of gradients that are missing on purpose.
            warnings.simplefilter("ignore", UserWarning)
            optimizer.apply({path: row.get(path) for path in held})
        _check(outcome, number, expected, before, _taken(variables, held, optimizer))
        if outcome.differences:
            break
    return outcome


def _taken(
    variables: list[Variable], held: Mapping[str, Array], optimizer: Optimizer
) -> list[Variable]:
    """Copies of what variables and states hold now."""
    state: Mapping[str, Mapping[str, Any]] = optimizer.state
    return [
        Variable(
            v.path,
            held[v.path].copy(),
            {name: array.copy() for name, array in state[v.path].items()},
            v.excluded,
        )
        for v in variables
    ]


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
