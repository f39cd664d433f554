"""Variables and gradients to train with, and how close results must come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

import optgen.optimizers
from optgen.runtime import Optimizer
from tests.numeric.reference import PARAM, Reference
from tests.numeric.rules import Array
from tests.numeric.specs import OPTIMIZERS, read

#: By path; the last is longer than a chunk, which has 8192 elements.
SHAPES: Mapping[str, tuple[int, ...]] = {
    "scale": (),
    "nothing": (0,),
    "one": (1,),
    "dense/kernel": (3, 5),
    "dense/bias": (5,),
    "fortran": (6, 4),
    "embedding": (91, 100),
}

#: Of the magnitude of a value and of the way that it has come; Keras's own float32 path is up
#: to 7e-6 off.
TOLERANCES = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-12}
TINY = 1e-30


def new(optimizer: str, **values: Any) -> Optimizer:
    """An optimizer by the name of its spec file."""
    kind = getattr(optgen.optimizers, read(OPTIMIZERS[optimizer])["name"])
    made: Optimizer = kind(**values)
    return made


def variables(draw: np.random.Generator, dtype: type) -> dict[str, Array]:
    """A small model."""
    made: dict[str, Array] = {
        path: np.asarray(draw.normal(size=shape), dtype) for path, shape in SHAPES.items()
    }
    made["fortran"] = np.asfortranarray(made["fortran"])
    return made


def exclude(optimizer: Optimizer, held: Mapping[str, Array]) -> dict[str, list[int]]:
    """Exclude biases by their path, and vectors of one by themselves, wherever that can be done.

    Returns the indices of the variables that were excluded, by hyperparameter.
    """
    ones = [variable for variable in held.values() if variable.shape == (1,)]
    out = [i for i, (path, v) in enumerate(held.items()) if "bias" in path or v.shape == (1,)]
    names = [h.name for h in optimizer.hyperparameters if h.excluded is not None]
    for name in names:
        getattr(optimizer, f"exclude_from_{name}")(var_list=ones, var_names=["bias"])
    return dict.fromkeys(names, out)


def gradients(
    draw: np.random.Generator, like: Sequence[Array], calls: int, missing: float = 0.0
) -> Iterator[list[Array | None]]:
    """Gradients of many magnitudes, in either layout; after some calls, some are missing."""
    for call in range(calls):
        row: list[Array | None] = []
        for variable in like:
            values = np.asarray(draw.normal(size=variable.shape)) * 10 ** draw.uniform(-3, 1)
            order: Any = "CF"[draw.integers(2)]
            gradient = np.asarray(values, variable.dtype, order=order)
            row.append(None if call > calls / 4 and draw.random() < missing else gradient)
        yield row if any(gradient is not None for gradient in row) else list(like)


def apply(optimizer: Optimizer, row: Sequence[Array | None], **inputs: Any) -> None:
    """One call, which must warn if gradients are missing, and only then."""
    if all(gradient is not None for gradient in row):
        optimizer.apply(row, **inputs)
        return
    with pytest.warns(UserWarning, match="no gradient for"):
        optimizer.apply(row, **inputs)


def assert_follows(
    optimizer: Optimizer,
    held: Mapping[str, Array],
    reference: Reference,
    tolerances: Mapping[Any, float],
) -> None:
    """Variables and states are those of the reference."""
    state = optimizer.state
    assert {name for own in state.values() for name in own} == {*reference.states}
    for name in [PARAM, *reference.states]:
        every = enumerate(zip(held, reference.of(name), reference.path(name), strict=True))
        for place, (path, expected, way) in every:
            found = held[path] if name == PARAM else {**state.get("*", {}), **state[path]}.get(name)
            if found is not None:
                # Numbers and vectors are float64 even of float32 variables.
                actual = reference.at_elements(name, found, place).astype(held[path].dtype)
                assert_close(actual, expected, way, f"{name} of {path}", tolerances)


def assert_close(
    actual: Array,
    expected: Array,
    way: Array,
    what: str,
    tolerances: Mapping[Any, float] = TOLERANCES,
) -> None:
    """Within the tolerance of the dtype of ``actual``; ``way`` is how far values have gone."""
    assert actual.shape == expected.shape, what
    bound = tolerances[actual.dtype] * (np.abs(expected) + way) + TINY
    error = np.abs(actual.astype(np.float64) - expected)
    wrong = np.argwhere(~(error <= bound))
    if len(wrong):
        first = tuple(wrong[0])
        pytest.fail(
            f"{what} at {first} is {actual[first]!r}, not {expected[first]!r} "
            f"(after a way of {way[first]:.3g}); {len(wrong)} of {actual.size} are wrong"
        )
