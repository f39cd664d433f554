"""Other libraries' rules for matrices, run in float64, and the papers' by singular values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

import heavyball
import muon
import numpy as np
import optax
import pytorch_optimizer as po
import torch
from optax import contrib
from pytorch_optimizer.optimizer.utils import matrix as po_matrix

from tests.zoo.libraries import of_optax, of_torch
from tests.zoo.papers import mars, moments, of_paper
from tests.zoo.runs import Array, Model, Run

RATE, OTHER_RATE = 0.0625, 0.03125
JORDAN = ((3.4445, -4.7750, 2.0315),) * 5
#: Of algorithm 1 of Amsel et al., and by what rounding may have made matrices too large.
AMSEL = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
)
SAFETY = 1.01


def within(run: Run, context: Callable[[], AbstractContextManager[Any]]) -> Run:
    def inside(first: Model, rows: Sequence[Model]) -> Sequence[Model]:
        with context():
            return run(first, rows)

    return inside


def torch_s(**arguments: Any) -> Run:
    """Torch's class, which multiplies matrices in bfloat16 otherwise."""
    run = of_torch(torch.optim.Muon, lr=RATE, **arguments)
    return within(run, lambda: patch.object(torch.Tensor, "bfloat16", torch.Tensor.clone))


def po_s(make: Any, of_matrices: dict[str, Any], **of_others: Any) -> Run:
    """A class of pytorch_optimizer's, with AdamW for vectors; in bfloat16 otherwise."""

    def made(held: Sequence[torch.Tensor]) -> Any:
        matrices = [one for one in held if one.ndim > 1]
        others = [one for one in held if one.ndim < 2]
        groups = [
            {"params": matrices, "use_muon": True, "lr": RATE, **of_matrices},
            {"params": others, "use_muon": False, "lr": OTHER_RATE, **of_others},
        ]
        return make([group for group in groups if group["params"]], foreach=False)

    return in_float64(of_torch(made))


def author_s(decay: float = 0.0, **of_matrices: Any) -> Run:
    """The class of Muon's author, with Adam for vectors; in bfloat16 otherwise."""

    def made(held: Sequence[torch.Tensor]) -> Any:
        matrices = [one for one in held if one.ndim > 1]
        others = [one for one in held if one.ndim < 2]
        both = {"weight_decay": decay}
        groups = [
            {"params": matrices, "use_muon": True, "lr": RATE, **both, **of_matrices},
            {"params": others, "use_muon": False, "lr": OTHER_RATE, **both},
        ]
        return muon.SingleDeviceMuonWithAuxAdam([group for group in groups if group["params"]])

    return within(
        of_torch(made), lambda: patch.object(torch.Tensor, "bfloat16", torch.Tensor.clone)
    )


@contextmanager
def not_compiled(**instead: Any) -> Iterator[None]:
    """Lets HeavyBall run without a compiler, with other functions in the place of its own."""
    with patch.multiple(heavyball.utils, compile_mode=None, **instead):
        yield


def heavyball_s(*, is_jordan: bool = True, **arguments: Any) -> Run:
    """HeavyBall's Muon, by default with Jordan's numbers, which it has for square matrices only."""
    chosen = {"betas": (0.95, 0.9), "storage_dtype": "float64", "multi_tensor": False}
    run = of_torch(heavyball.Muon, lr=RATE, **chosen, **arguments)
    jordan = heavyball.utils.legacy_zeropower_via_newtonschulz5
    instead = {"zeropower_via_newtonschulz5": jordan} if is_jordan else {}
    return within(run, lambda: not_compiled(**instead))


def in_float64(run: Run) -> Run:
    """A run of pytorch_optimizer's, whose products of matrices are in float64 as all else is."""
    function = po_matrix.zero_power_via_newton_schulz_5
    defaults = tuple(
        torch.float64 if one is torch.bfloat16 else one for one in function.__defaults__
    )
    return within(run, lambda: patch.object(function, "__defaults__", defaults))


def optax_s(**arguments: Any) -> Run:
    """Optax's transformation, for matrices that multiply columns as torch's do."""

    def numbers(params: Any) -> Any:
        # What is no matrix has no dimensions here once it is masked.
        known = [getattr(one, "ndim", 0) for one in params]
        return [contrib.MuonDimensionNumbers((*range(1, k),), 0) if k > 1 else None for k in known]

    def make(**chosen: Any) -> optax.GradientTransformation:
        return contrib.muon(**chosen, muon_weight_dimension_numbers=numbers)

    return of_optax(make, learning_rate=RATE, adam_learning_rate=OTHER_RATE, **arguments)


def polynomials_of(x: Array, rounds: Sequence[tuple[float, float, float]], scale: float) -> Array:
    """Quintics of the singular values of a matrix over its norm times a number."""
    flat = x.reshape(len(x), -1)
    u, s, v = np.linalg.svd(flat / (scale * np.sqrt(np.sum(flat**2)) + 1e-7), full_matrices=False)
    for a, b, c in rounds:
        s = a * s + b * s**3 + c * s**5
    result: Array = ((u * s) @ v).reshape(x.shape)
    return result


def jordan(x: Array) -> Array:
    """Newton-Schulz with the numbers of Jordan et al."""
    return polynomials_of(x, JORDAN, 1.0)


def amsel(x: Array) -> Array:
    """Polar Express: a quintic of x is that of x/1.01."""
    damped = [(a / SAFETY, b / SAFETY**3, c / SAFETY**5) for a, b, c in AMSEL]
    return polynomials_of(x, damped, SAFETY)


def by_paper(steps: Callable[[Array, Sequence[Array]], Iterator[Array]]) -> Run:
    """The paper's rule for matrices, and Adam for other parameters."""

    def of(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
        return steps(x, gradients) if x.ndim > 1 else adam(x, gradients)

    return of_paper(of)


def adam(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """With torch's epsilon, which counts nothing."""
    for m, v in moments(gradients, 0.9, 0.95):
        x = x - OTHER_RATE * m / (np.sqrt(v) + 1e-10)
        yield x


def polar_muon(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Jordan's rule with Amsel's function."""
    m = np.zeros_like(x)
    rows, columns = len(x), x.size // len(x)
    for g in gradients:
        m = 0.95 * m + 0.05 * g
        x = x - RATE * np.sqrt(max(1, rows / columns)) * amsel(0.95 * m + 0.05 * g)
        yield x


def ada_muon(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Si et al."""
    m, v = np.zeros_like(x), np.zeros_like(x)
    for g in gradients:
        m = 0.95 * m + g
        o = jordan(np.sign(m))
        v = 0.95 * v + 0.05 * o**2
        even = o / np.sqrt(v)
        x = x - RATE * 0.2 * np.sqrt(x.size) / np.sqrt(np.sum(even**2)) * even
        yield x


def mars_shampoo(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Yuan et al.'s algorithm for matrices, with the scale of the authors' code; MARS of others."""
    if x.ndim < 2:
        yield from mars(x, gradients)
        return
    m, rows, columns = np.zeros_like(x), len(x), x.size // len(x)
    for g, before in zip(gradients, [np.zeros_like(x), *gradients], strict=False):
        c = g + 0.025 * 0.95 / 0.05 * (g - before)
        m = 0.95 * m + 0.05 * c / max(1.0, np.sqrt(np.sum(c**2)))
        x = x - RATE * np.sqrt(max(1, rows / columns)) * jordan(m)
        yield x


def scion_of_convolutions(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """The same with the scale of a convolution: of outputs, inputs, and positions."""
    outputs, inputs, *positions = x.shape
    d = np.zeros_like(x)
    for g in gradients:
        d = 0.9 * d + 0.1 * g
        edge = -2.0 * np.sqrt(outputs / inputs) / np.prod(positions) * jordan(d)
        x = (1 - RATE) * x + RATE * edge
        yield x


def scion(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 2 of Pethick et al.: spectral norms of matrices, and largest elements of others."""
    d = np.zeros_like(x)
    for g in gradients:
        d = 0.9 * d + 0.1 * g
        edge = -3.0 * np.sign(d)
        if x.ndim > 1:
            edge = -2.0 * np.sqrt(len(x) ** 2 / x.size) * jordan(d)
        x = (1 - RATE) * x + RATE * edge
        yield x


PO_SCION = in_float64(
    of_torch(
        po.SCION,
        lr=RATE,
        momentum=0.1,
        constraint=True,
        norm_type=2,
        scale=2.0,
        foreach=False,
    )
)
