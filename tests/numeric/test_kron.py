"""PSGD beside `kron_torch`, which fits triangular factors to random vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.numeric.preconditioned import Array, Beside, rule

RATE = 0.02
#: Nothing is compiled, and a matrix is fitted in each step, or in none.
ALWAYS, NEVER = 1.0, 1e-9


def theirs(params: list[torch.Tensor], rate: float, fitting: float, **chosen: Any) -> Any:
    return pytest.importorskip("kron_torch").Kron(
        params,
        lr=rate,
        preconditioner_update_probability=fitting,
        precond_dtype=torch.float64,
        **chosen,
    )


@pytest.fixture(autouse=True)
def _not_compiled() -> Any:
    with torch.compiler.set_stance("force_eager"):
        yield


@pytest.mark.parametrize("largest_root", [1.1, 1e9])
def test_momentum_and_clipping_are_theirs(largest_root: float) -> None:
    beside = Beside(rule("kron")(RATE, q_rate=1e-300, largest_root=largest_root))
    other = theirs(beside.others, RATE, NEVER)
    beside.run(lambda number: other.step())
    if largest_root > 1.1:  # Gradients are large enough that it matters.
        with pytest.raises(AssertionError):
            beside.compare(0.1)
    else:
        # We add 1e-6 to the root mean square, and they 1e-12.
        beside.compare(2e-6)


def test_factors_whiten_as_theirs() -> None:
    """Steps of the factors are others; where they end is the same."""
    scales = np.outer([0.1, 1.0, 10.0], [1.0, 2.0, 3.0, 4.0])
    mixing = np.eye(4) + 0.5 * np.ones((4, 4))
    ours = rule("kron")(0.0, momentum=0.0, q_rate=0.1)
    param = np.zeros(scales.shape)
    held = torch.nn.Parameter(torch.zeros(scales.shape, dtype=torch.float64))
    other = theirs([held], 0.0, ALWAYS, b1=0.0, precond_lr=0.1)
    torch.manual_seed(0)
    draw = np.random.default_rng(3)
    for _ in range(500):
        grad = scales * draw.normal(size=scales.shape) @ mixing
        ours.apply([grad], [param])
        held.grad = torch.tensor(grad)
        other.step()
    (states,) = ours.state.values()
    mine = whole(*(np.asarray(states[name]) for name in ("left_q", "right_q")))
    found = whole(*(one.numpy() for one in other.state[held]["Q"]))
    # Of the whole matrix that multiplies gradients; before the first step it is the identity.
    distance = np.linalg.norm(mine - found) / np.linalg.norm(found)
    assert distance < 0.3
    assert np.linalg.norm(np.eye(12) - found) / np.linalg.norm(found) > 0.5


def whole(left: Array, right: Array) -> Array:
    """What multiplies all elements of a gradient, as one matrix."""
    return np.kron(left.T @ left, right.T @ right)
