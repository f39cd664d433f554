"""Runs of an optimizer, ours or somebody else's: the parameters after each of some steps."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

import optgen
from optgen.compiler.ir.source import Source
from tests.numeric.specs import SPECS
from tests.random_programs.plain import optimizer_class

Array = np.ndarray[Any, np.dtype[np.float64]]
#: One array for each parameter.
Model = Sequence[Array]
#: From the first parameters and the gradients of each step to the parameters after each.
Run = Callable[[Model, Sequence[Model]], Sequence[Model]]

#: A matrix, a tensor of four dimensions as of a convolution, and a vector.
SHAPES = ((3, 4), (2, 3, 2, 2), (5,))
STEPS = 30
#: Rules that move nothing in their first ten steps.
LATE = {"AdaShift"}
GENERATED = SPECS.parent / "generated"


def start() -> Model:
    draw = np.random.default_rng(0)
    return [draw.normal(size=shape) for shape in SHAPES]


def gradients(magnitude: float = 1.0) -> Sequence[Model]:
    """Random ones, whose mean isn't 0; those of some elements are small, of others large."""
    draw = np.random.default_rng(1)
    scales = [magnitude * 10 ** draw.uniform(-2, 1, shape) for shape in SHAPES]
    return [[scale * draw.normal(0.3, 1, scale.shape) for scale in scales] for _ in range(STEPS)]


@cache
def plain_class(name: str, *length: int) -> Any:
    """The generated class with kernels that Python runs: to compile them would take longest."""
    inside = f"{name.lower()}.py"
    paths = ("features.py", "cpu/features.py", inside, f"cpu/{inside}")
    sources = [Source(path, (GENERATED / path).read_text(encoding="utf-8")) for path in paths]
    return optimizer_class(name, sources, *length)


def curvature(call: int, row: Model) -> Mapping[str, Any]:
    """What every third call passes on to a rule that uses the Hessian's diagonal."""
    if call % 3:
        return {}
    return {
        "hessian": [array**2 - 0.1 for array in row],
        "sampled_gradient": [array[::-1] / 2 for array in row],
    }


def loss(call: int, row: Model) -> float:
    """What each call passes on to a rule that uses the loss: steps of Polyak's near 0.06."""
    square = sum(float(np.sum(array**2)) for array in row)
    return square * (0.06 + 0.05 * float(np.sin(call)))


def at_the_last_point(row: Model) -> Model:
    """What each call passes on as gradients of the same examples at the parameter before."""
    return [np.tanh(array) / 2 for array in row]


def beside_gradients(known: Container[str], call: int, row: Model) -> Mapping[str, Any]:
    """What a call passes on besides gradients, of the inputs that a rule has."""
    every = {**curvature(call, row), "gradient_before": at_the_last_point(row)}
    given = {name: one for name, one in every.items() if name in known}
    return {**given, "loss": loss(call, row)} if "loss" in known else given


def of_ours(name: str, arguments: Mapping[str, Any], *, moves: bool = False) -> Run:
    """A built-in optimizer; it ``moves`` to its second point before each step, if so."""
    return _of_class(lambda: plain_class(name), arguments, moves=moves)


def of_built(names: Sequence[str], arguments: Mapping[str, Any]) -> Run:
    """A built-in optimizer with optional features, whose kernels Python runs."""
    return _of_class(lambda: optgen.compile(*names, backend="numpy"), arguments)


def _of_class(find: Callable[[], Any], arguments: Mapping[str, Any], *, moves: bool = False) -> Run:
    def run(first: Model, rows: Sequence[Model]) -> Sequence[Model]:
        optimizer, after = find()(**arguments), []
        held = [array.copy() for array in first]
        optimizer.build(held)
        known = {one.name for one in optimizer.inputs}
        for call, row in enumerate(rows):
            if moves:
                optimizer.perturb(list(row))
            optimizer.apply(list(row), **beside_gradients(known, call, row))
            after.append([array.copy() for array in held])
        return after

    return run


def difference(ours: Sequence[Model], theirs: Sequence[Model], first: Model) -> float:
    """The largest difference after any step, of how far the element has gone in all steps.

    NaN where any number is, and infinite where an element that never moves there moves here.
    """
    points = [first, *theirs]
    found = []
    for place in range(len(first)):
        path = np.stack([np.asarray(model[place]) for model in points])
        way = np.abs(np.diff(path, axis=0)).sum(axis=0)
        mine = np.stack([model[place] for model in ours])
        apart = np.abs(mine - path[1:])
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append(np.max(np.where(apart == 0, 0, apart / way)))
    return float(np.max(found))
