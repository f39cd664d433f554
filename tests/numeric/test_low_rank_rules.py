"""Rules whose matrices have a side of a rank, beside other code, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_optimizer import GaLore
from pytorch_optimizer.optimizer.utils.galore import GaLoreProjector

import optgen

Array = np.ndarray[Any, np.dtype[np.float64]]

STEPS, RATE = 30, 0.01
SHAPES = {"tall": (9, 4), "wide": (4, 9), "square": (6, 6)}


DRAWN = '''
name = "Drawn"
[state]
bell = {}
[update]
rule = """
bell = normal()
change = learning_rate*(bell + grad)
"""
'''


def gradients(shape: tuple[int, ...]) -> Iterator[Array]:
    rng = np.random.default_rng(7)
    for _ in range(STEPS):
        yield rng.normal(size=shape)


def start(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(3).normal(size=shape)


def ours(rule: str, shape: tuple[int, ...], arguments: Mapping[str, Any]) -> Array:
    """Where a matrix goes by our rule."""
    optimizer, matrix = optgen.compile(rule)(learning_rate=RATE, **arguments), start(shape)
    for gradient in gradients(shape):
        optimizer.apply([gradient], [matrix])
    return matrix


def by_torch(make: Callable[..., Any], shape: tuple[int, ...], **arguments: Any) -> Array:
    """Where it goes by a class for torch."""
    matrix = torch.nn.Parameter(torch.from_numpy(start(shape)))
    optimizer = make([{"params": [matrix], **arguments}], lr=RATE, foreach=False)
    for gradient in gradients(shape):
        matrix.grad = torch.from_numpy(gradient)
        optimizer.step()
    return matrix.detach().numpy()


def assert_near(found: Array, wanted: Array, shape: tuple[int, ...], tolerance: float) -> None:
    """The error is small as a part of the whole way."""
    way = np.abs(wanted - start(shape)).max()
    assert way > 0.01
    assert np.abs(found - wanted).max() <= tolerance * way


def side(shape: tuple[int, int]) -> str:
    """The vectors that their class projects with: of a square, they would take those on the right.

    The paper takes those on the left where there are no more rows than columns.
    """
    return "left" if shape[0] == shape[1] else "std"


def exact_vectors(projector: Any, weights: Any, projection_type: str, **_: Any) -> Any:
    """Singular vectors in float64, whose largest entries are positive."""
    left, _, right = torch.linalg.svd(weights, full_matrices=False)
    vectors = left if projection_type == "left" else right.T
    vectors = vectors[:, : projector.rank]
    places = vectors.abs().argmax(dim=0)
    vectors = vectors * vectors[places, range(vectors.shape[1])].sign()
    return vectors if projection_type == "left" else vectors.T


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("rank", [1, 3, 50])
def test_galore_is_pytorch_optimizers(shape: tuple[int, int], rank: int) -> None:
    theirs = {"rank": rank, "scale": 0.5, "projection_type": side(shape), "update_proj_gap": 1000}
    wanted = by_torch(GaLore, shape, **theirs)
    found = ours("galore", shape, {"rank": rank, "scale": 0.5, "period": 1000})
    # They decompose in float32.
    assert_near(found, wanted, shape, 1e-4)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_galore_chooses_new_vectors(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def shifted(self: Any, grad: Any, step: int, **_: Any) -> Any:
        # The paper counts steps from 0, and so the first one chooses.
        return project(self, grad, step - 1)

    project = GaLoreProjector.project
    monkeypatch.setattr(GaLoreProjector, "project", shifted)
    monkeypatch.setattr(
        GaLoreProjector,
        "get_orthogonal_matrix",
        lambda self, x, projection_type, **_: exact_vectors(self, x, projection_type),
    )
    theirs = {"rank": 2, "scale": 0.25, "projection_type": side(shape), "update_proj_gap": 7}
    wanted = by_torch(GaLore, shape, **theirs)
    found = ours("galore", shape, {"rank": 2, "period": 7})
    assert_near(found, wanted, shape, 1e-10)


def drawn(shape: tuple[int, int], steps: int = 1) -> Array:
    """What the last of some steps draws for each element of a variable."""
    optimizer, variable = optgen.compile(DRAWN)(), np.zeros(shape)
    for _ in range(steps):
        optimizer.apply([np.zeros(shape)], [variable])
    found: Array = optimizer.state["variable_0"]["bell"]
    return found


def dion(shape: tuple[int, int], right: Array, momentum: float, epsilon: float) -> Array:
    """Algorithm 1 of the paper, from a first matrix on the right."""
    x, m, q = start(shape), np.zeros(shape), right
    for g in gradients(shape):
        b = m + g
        p, _ = np.linalg.qr(b @ q)
        r = b.T @ p
        m = b - (1 - momentum) * p @ r.T
        q = r / (np.sqrt((r**2).sum(axis=0)) + epsilon)
        x = x - RATE * np.sqrt(shape[0] / shape[1]) * p @ q.T
    return x


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("rank", [1, 3, 50])
def test_dion_is_algorithm_1(shape: tuple[int, int], rank: int) -> None:
    first = drawn((shape[1], min(rank, *shape)))
    found = ours("dion", shape, {"rank": rank, "momentum": 0.9})
    assert_near(found, dion(shape, first, 0.9, 1e-8), shape, 1e-8)


def apollo(
    shape: tuple[int, int], rank: int, period: int, scale: float, *, by_column: bool
) -> Array:
    """Algorithm 1 of the paper with its limiter of growth, with the authors' order of constants.

    A tall matrix is transposed first, so that columns are the longer side. (The class APOLLO of
    pytorch_optimizer projects the scaled projection back, where the paper scales the gradient.)
    """
    is_tall = shape[0] > shape[1]
    x = start(shape).T if is_tall else start(shape)
    rank = min(rank, *shape)
    m = v = last = None
    for t, gradient in enumerate(gradients(shape)):
        g = gradient.T if is_tall else gradient
        if t % period == 0:
            p = drawn((min(shape), rank), steps=t + 1).T / np.sqrt(rank)
        r = p @ g
        m = 0.1 * r if m is None else 0.9 * m + 0.1 * r
        v = 0.001 * r**2 if v is None else 0.999 * v + 0.001 * r**2
        direction = m / (np.sqrt(v) + 1e-6)
        axis = 0 if by_column else None
        s = np.sqrt((direction**2).sum(axis)) / (np.sqrt((r**2).sum(axis)) + 1e-8)
        change = g * s
        if last is not None:
            change = change / (max(np.linalg.norm(change) / (last + 1e-8), 1.01) / 1.01)
        last = np.linalg.norm(change)
        corrected = np.sqrt(1 - 0.999 ** (t + 1)) / (1 - 0.9 ** (t + 1))
        x = x - RATE * corrected * scale * change
    return x.T if is_tall else x


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(("rank", "period"), [(1, 7), (3, 4), (50, 100)])
def test_apollo_is_algorithm_1(shape: tuple[int, int], rank: int, period: int) -> None:
    found = ours("apollo", shape, {"rank": rank, "period": period, "scale": 2.0})
    assert_near(found, apollo(shape, rank, period, 2.0, by_column=True), shape, 1e-10)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_apollo_mini_is_algorithm_1(shape: tuple[int, int]) -> None:
    found = ours("apollomini", shape, {"period": 7})
    assert_near(found, apollo(shape, 1, 7, np.sqrt(128), by_column=False), shape, 1e-10)
