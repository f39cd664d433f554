"""Rules with matrices of their own, run step by step beside other code."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import optgen

Array = np.ndarray[Any, np.dtype[Any]]

#: A tall, a wide and a square matrix, and a vector.
SHAPES = ((6, 3), (3, 7), (4, 4), (5,))
STEPS = 30
#: Whose code, or the formulas of whose paper, `test_preconditioned_*.py` and `test_kron.py` have
#: rules beside.
WHOSE = {
    **dict.fromkeys(("Shampoo", "SPlus", "Conda"), "pytorch_optimizer"),
    **dict.fromkeys(("KLShampoo", "KLSOAP", "CASPR", "PSGDPRO", "SWAN"), "paper"),
    **dict.fromkeys(("SOLP", "SOAPNAdam", "SOAPAdEMAMix"), "heavyball"),
    "SOAP": "pytorch_optimizer, heavyball",
    "Kron": "paper, kron_torch",
}
_SPECS = Path(optgen.__file__).parents[1] / "specs" / "optimizers"


def rule(name: str) -> Any:
    """The class of a spec of the repository, whose kernels Python runs."""
    return optgen.compile(str(next(_SPECS.rglob(f"{name}.toml"))), backend="numpy")


def starts(shapes: tuple[tuple[int, ...], ...] = SHAPES) -> list[Array]:
    """Parameters to begin with."""
    draw = np.random.default_rng(5)
    return [draw.normal(size=shape) for shape in shapes]


def gradients(steps: int = STEPS) -> Iterator[list[Array]]:
    """The gradients of each step, with a part that stays and rows of different sizes."""
    draw = np.random.default_rng(7)
    kept = [draw.normal(size=shape) for shape in SHAPES]
    for _ in range(steps):
        yield [
            ((0.5 * one + draw.normal(size=one.shape)).T * (1.0 + np.arange(len(one)))).T
            for one in kept
        ]


class Beside:
    """One rule of ours, and what other code makes of the same gradients."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer, self.params = optimizer, starts()
        self.others = [torch.tensor(one, requires_grad=True) for one in self.params]
        optimizer.build(self.params)

    def run(self, other: Callable[[int], None]) -> None:
        """Make all steps; ``other`` makes one with the gradients of ``others``."""
        for number, grads in enumerate(gradients(), start=1):
            self.optimizer.apply(grads)
            for param, grad in zip(self.others, grads, strict=True):
                param.grad = torch.tensor(grad)
            other(number)

    def compare(self, tolerance: float = 1e-9, of: Sequence[int] = range(len(SHAPES))) -> None:
        """Compare how far these parameters moved."""
        for place in of:
            begun, theirs = starts()[place], self.others[place].detach().numpy()
            near = tolerance * abs(theirs - begun).max()
            np.testing.assert_allclose(self.params[place] - begun, theirs - begun, tolerance, near)

    def bases(self, *names: str) -> deque[Array]:
        """These states of our matrices, in their order."""
        every = (self.optimizer.state[path] for path in self.optimizer.state)
        return deque(np.asarray(one[name]) for one in every for name in names if name in one)


@contextmanager
def eigenvectors_of(found: deque[Array]) -> Iterator[None]:
    """Gives torch's eigh our eigenvectors with other signs, after a check that they are some.

    Eigenvectors have arbitrary signs, and are arbitrary where eigenvalues are equal, as those of
    the first product of a gradient are.
    """
    draw = np.random.default_rng(len(found))

    def eigh(square: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        basis, matrix = found.popleft(), square.double().numpy()
        values = np.sum(basis * (matrix @ basis), axis=0)
        np.testing.assert_allclose(basis.T @ basis, np.eye(len(basis)), atol=1e-12)
        np.testing.assert_allclose(matrix @ basis, basis * values, atol=1e-5 * abs(values).max())
        order = np.argsort(values, kind="stable")
        if values[0] > values[-1]:  # Ours begin with the largest.
            order = np.arange(len(values))[::-1]
        signs = draw.choice([-1.0, 1.0], len(basis))
        return torch.tensor(values[order]), torch.tensor((basis * signs)[:, order])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.linalg, "eigh", eigh)
        yield
    assert not found


@contextmanager
def float64_for_float32() -> Iterator[None]:
    """Lets code that casts to float32 for a decomposition compute it in float64."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "float32", torch.float64)
        patch.setattr(torch.Tensor, "float", torch.Tensor.double)
        yield
