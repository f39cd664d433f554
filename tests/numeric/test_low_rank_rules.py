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
from tests.zoo import subspaces
from tests.zoo.libraries import galore_class
from tests.zoo.low_rank import apollo, dion, galore
from tests.zoo.papers import RATE, Steps
from tests.zoo.runs import Array

pytestmark = pytest.mark.usefixtures("python_kernels")
authors_projector = galore_class("galore_projector", "GaLoreProjector")
STEPS = 30
SHAPES = {"tall": (9, 4), "wide": (4, 9), "square": (6, 6)}


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


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("rank", [2, 50])
def test_galore_is_its_authors(
    shape: tuple[int, int], rank: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        authors_projector,
        "get_orthogonal_matrix",
        lambda self, weights, rank, **kinds: exact_vectors(self, weights, kinds["type"]),
    )
    theirs = {"rank": rank, "scale": 0.25, "update_proj_gap": 7}
    wanted = by_torch(authors, shape, **theirs, proj_type=side(shape))
    found = ours("galore", shape, {"rank": rank, "period": 7})
    assert_near(found, wanted, shape, 1e-10)


def authors(groups: Any, *, foreach: bool, **arguments: Any) -> Any:
    return galore_class("adamw", "AdamW")(groups, no_deprecation_warning=True, **arguments)


def after(steps: Steps, shape: tuple[int, int]) -> Array:
    """Where a matrix goes by the paper's formulas."""
    *_, last = steps(start(shape), [*gradients(shape)])
    return last


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(("rank", "period"), [(1, 7), (3, 1), (50, 100)])
def test_galore_is_algorithm_2(shape: tuple[int, int], rank: int, period: int) -> None:
    found = ours("galore", shape, {"rank": rank, "period": period})
    assert_near(found, after(galore(rank, period, 0.25), shape), shape, 1e-9)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("rank", [1, 3, 50])
def test_dion_is_algorithm_1(shape: tuple[int, int], rank: int) -> None:
    found = ours("dion", shape, {"rank": rank, "momentum": 0.9})
    assert_near(found, after(dion(rank, 0.9), shape), shape, 1e-8)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(("rank", "period"), [(1, 7), (3, 4), (50, 100)])
def test_apollo_is_algorithm_1(shape: tuple[int, int], rank: int, period: int) -> None:
    found = ours("apollo", shape, {"rank": rank, "period": period, "scale": 2.0})
    wanted = after(apollo(rank, period, 2.0, by_column=True), shape)
    assert_near(found, wanted, shape, 1e-10)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_apollo_mini_is_algorithm_1(shape: tuple[int, int]) -> None:
    found = ours("apollomini", shape, {"period": 7})
    wanted = after(apollo(1, 7, np.sqrt(128), by_column=False), shape)
    assert_near(found, wanted, shape, 1e-10)


#: Rules with a number of directions, or of rows, as their papers print them.
SUBSPACES: Mapping[str, Callable[[int], Steps]] = {
    "ldadam": subspaces.ldadam,
    "frugal": lambda rank: subspaces.frugal(rank, 200, 1.0),
    "cosmos": subspaces.cosmos,
    "dion2": lambda rank: subspaces.dion2(rank, by_row=False),
    "nordion2": lambda rank: subspaces.dion2(rank, by_row=True),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("rank", [1, 3, 50])
@pytest.mark.parametrize("rule", SUBSPACES)
def test_subspaces_are_their_papers(rule: str, rank: int, shape: tuple[int, int]) -> None:
    found = ours(rule, shape, {"rank": rank})
    assert_near(found, after(SUBSPACES[rule](rank), shape), shape, 1e-6)
