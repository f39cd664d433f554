"""Rules on blocks of matrices: beside libraries that have them, and beside each block alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import heavyball
import numpy as np
import pytest
import pytorch_optimizer as po
import torch

from tests.numeric.matrix_peers import not_compiled
from tests.numeric.preconditioned import Array, rule

RATE, STEPS = 0.02, 30
SIDE = 4
#: Whole, divided along one side or both, and a convolution, whose columns are several dimensions.
SHAPES = ((4, 3), (8, 4), (3, 12), (8, 8), (8, 2, 2, 3), (5,))


def starts() -> list[Array]:
    draw = np.random.default_rng(5)
    return [draw.normal(size=shape) for shape in SHAPES]


def gradients() -> Iterator[list[Array]]:
    draw = np.random.default_rng(7)
    for _ in range(STEPS):
        yield [draw.normal(0.3, 1, shape) for shape in SHAPES]


def blocks(array: Array) -> list[Array]:
    """Copies of the blocks of a matrix, or of the whole of another variable."""
    if array.ndim < 2:
        return [array.copy()]
    matrix = array.reshape(len(array), -1)
    bands = [matrix[first : first + SIDE] for first in range(0, len(matrix), SIDE)]
    pieces = (b[:, first : first + SIDE] for b in bands for first in range(0, b.shape[1], SIDE))
    return [piece.copy() for piece in pieces]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("shampoo", {"graft": False, "momentum": 0.5}),
        ("shampoo", {"graft": False, "graft_beta": None, "period": 3}),
        ("soap", {"period": 2}),
    ],
)
def test_a_block_is_as_a_variable_of_its_own(name: str, arguments: dict[str, Any]) -> None:
    whole, alone = starts(), [blocks(array) for array in starts()]
    one = rule(name)(RATE, block_size=SIDE, **arguments)
    others = [rule(name)(RATE, **arguments) for _ in SHAPES]
    for row in gradients():
        one.apply(row, whole)
        for other, grad, held in zip(others, row, alone, strict=True):
            other.apply(blocks(grad), held)
    for array, held in zip(whole, alone, strict=True):
        for mine, theirs in zip(blocks(array), held, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)
    states = one.state["variable_3"]
    product = next(states[k] for k in states if k.startswith("left_product"))
    assert product.shape == (4, SIDE, SIDE)


def beside(optimizer: Any, make: Callable[[list[torch.Tensor]], Any], places: list[int]) -> None:
    """Compare thirty steps of some variables."""
    mine = [starts()[place] for place in places]
    theirs = [torch.tensor(array, requires_grad=True) for array in mine]
    other = make(theirs)
    for row in gradients():
        chosen = [row[place] for place in places]
        optimizer.apply(chosen, mine)
        for param, grad in zip(theirs, chosen, strict=True):
            param.grad = torch.tensor(grad)
        other.step()
    for place, array, param in zip(places, mine, theirs, strict=True):
        moved = param.detach().numpy() - starts()[place]
        near = 1e-6 * abs(moved).max()
        np.testing.assert_allclose(array - starts()[place], moved, rtol=1e-6, atol=near)


def test_shampoo_of_pytorch_optimizer() -> None:
    """The length of a step is that of all blocks together."""

    def make(params: list[torch.Tensor]) -> Any:
        return po.ScalableShampoo(
            params,
            lr=RATE,
            betas=(0.8, 0.9),
            block_size=SIDE,
            start_preconditioning_step=1,
            preconditioning_compute_steps=1,
            shape_interpretation=False,
            graft_type=po.optimizer.shampoo.LayerWiseGrafting.SGD,
            nesterov=False,
            matrix_eps=1e-13,
            diagonal_eps=1e-13,
            use_svd=True,
        )

    arguments = {"momentum": 0.8, "beta_2": 0.9, "graft_beta": None, "epsilon": 1e-13}
    beside(rule("shampoo")(RATE, block_size=SIDE, **arguments), make, [0, 1, 2, 3])


@pytest.mark.parametrize("splits", [True, False])
def test_soap_of_heavyball(splits: bool) -> None:
    """Until eigenvectors change; those of the first gradient are alike up to signs."""

    def make(params: list[torch.Tensor]) -> Any:
        return heavyball.SOAP(
            params,
            lr=RATE,
            betas=(0.9, 0.95),
            eps=1e-14,
            weight_decay=0.0,
            precondition_frequency=2 * STEPS,
            max_precond_dim=SIDE,
            split=splits,
            storage_dtype="float64",
            multi_tensor=False,
        )

    arguments = {"beta_1": 0.9, "period": 2 * STEPS, "epsilon": 1e-14}
    with not_compiled():
        if splits:
            beside(rule("soap")(RATE, block_size=SIDE, **arguments), make, [3])
        else:
            # Without blocks, a longer side has no eigenvectors there.
            with pytest.raises(AssertionError):
                beside(rule("soap")(RATE, block_size=SIDE, **arguments), make, [3])
