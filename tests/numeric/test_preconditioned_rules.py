"""Rules with matrices of their own beside other libraries', for 30 steps in float64."""

from __future__ import annotations

from collections import deque
from typing import Any

import heavyball
import numpy as np
import pytest
import torch

from tests.numeric.matrix_peers import not_compiled
from tests.numeric.preconditioned import (
    STEPS,
    Beside,
    eigenvectors_of,
    float64_for_float32,
    rule,
    starts,
)

po = pytest.importorskip("pytorch_optimizer")
pytestmark = pytest.mark.usefixtures("python_kernels")
RATE = 0.02
#: Places of the shapes.
MATRICES, SQUARE = (0, 1, 2), 2


def unsorted(values: torch.Tensor, **_: Any) -> torch.Tensor:
    """The order in which they are."""
    return torch.arange(values.shape[-1]).expand(values.shape)


def soap(period: int, *, is_sorting: bool) -> Beside:
    beside = Beside(rule("soap")(RATE, period=period, beta_1=0.9))
    theirs = po.SOAP(
        beside.others,
        lr=RATE,
        betas=(0.9, 0.95),
        precondition_frequency=period,
        weight_decay=0.0,
    )

    def step(number: int) -> None:
        is_first = number == 1
        found = beside.bases("left_axes", "right_axes") if is_first else deque()
        with eigenvectors_of(found), float64_for_float32(), pytest.MonkeyPatch.context() as patch:
            if not is_sorting:
                patch.setattr(torch, "argsort", unsorted)
            theirs.step()

    beside.run(step)
    return beside


def test_soap() -> None:
    soap(5, is_sorting=False).compare(1e-7)


def test_soap_of_the_library_sorts_eigenvectors_and_the_paper_does_not() -> None:
    # Algorithm 4 of the paper leaves the order to the power iteration.
    beside = soap(5, is_sorting=True)
    with pytest.raises(AssertionError):
        beside.compare(1e-3)


@pytest.mark.parametrize(("period", "is_sorting"), [(1, False), (1, True), (STEPS, False)])
def test_soap_of_heavyball(period: int, is_sorting: bool) -> None:
    """It too orders the eigenvectors for the QR decomposition, and puts them back."""
    ours = rule("soap")(RATE, period=period, beta_1=0.9, epsilon=1e-14)
    beside = soap_of_heavyball(ours, heavyball.SOAP, (0.9, 0.95), period, is_sorting=is_sorting)
    if is_sorting:
        with pytest.raises(AssertionError):
            beside.compare(1e-3)
    else:
        # Weights of its means are float32, and 1e-8 is added to diagonals before a QR.
        beside.compare(1e-6)


@pytest.mark.parametrize("period", [1, STEPS])
@pytest.mark.parametrize(
    ("name", "theirs", "betas"),
    [
        ("solp", heavyball.SOLP, (0.9, 0.95)),
        ("soapnadam", heavyball.SOAPNAdam, (0.9, 0.95)),
        ("soapademamix", heavyball.SOAPAdEMAMix, (0.9, 0.95, 0.99)),
    ],
)
def test_rules_in_the_axes_of_soap(
    name: str, theirs: Any, betas: tuple[float, ...], period: int
) -> None:
    chosen = {"beta_3": betas[2]} if len(betas) == 3 else {}
    # LaProp has another epsilon there, which can't be set.
    epsilon = 1e-8 if name == "solp" else 1e-14
    ours = rule(name)(RATE, period=period, epsilon=epsilon, **chosen)
    beside = soap_of_heavyball(ours, theirs, betas, period, eps=epsilon)
    beside.compare(1e-6)


@pytest.mark.parametrize(
    ("name", "theirs"), [("klsoap", heavyball.KLSOAP), ("klshampoo", heavyball.KLShampoo)]
)
def test_kl_rules_of_heavyball_are_not_their_authors(name: str, theirs: Any) -> None:
    # Eigenvalues come from the factors there, and have no running mean; moments are corrected.
    ours = rule(name)(RATE, period=STEPS)
    beside = soap_of_heavyball(ours, theirs, (0.9, 0.98), STEPS, axes=("left_basis", "right_basis"))
    with pytest.raises(AssertionError):
        beside.compare(1e-3, MATRICES)


def soap_of_heavyball(
    ours: Any,
    make: Any,
    betas: tuple[float, ...],
    period: int,
    *,
    is_sorting: bool = False,
    eps: float = 1e-14,
    axes: tuple[str, str] = ("left_axes", "right_axes"),
) -> Beside:
    """A rule of ours beside one of HeavyBall's that has eigenvectors."""
    beside = Beside(ours)
    theirs = make(
        beside.others,
        lr=RATE,
        betas=betas,
        eps=eps,
        weight_decay=0.0,
        precondition_frequency=period,
        storage_dtype="float64",
        multi_tensor=False,
    )

    def step(number: int) -> None:
        found = beside.bases(*axes) if number == 1 else deque()
        with eigenvectors_of(found), pytest.MonkeyPatch.context() as patch:
            one = torch.linalg.eigh
            of_batch = lambda squares: [part[None] for part in one(squares[0])]  # noqa: E731
            with not_compiled(no_compile_eigh=of_batch):
                if not is_sorting:
                    patch.setattr(torch, "argsort", unsorted)
                theirs.step()

    beside.run(step)
    return beside


def test_soap_leaves_the_first_step_out() -> None:
    beside = Beside(rule("soap")(RATE))
    before = [one.copy() for one in beside.params]
    beside.optimizer.apply([np.ones_like(one) for one in beside.params])
    assert all((a == b).all() for a, b in zip(before, beside.params, strict=True))
    beside.optimizer.apply([np.ones_like(one) for one in beside.params])
    assert all((a != b).all() for a, b in zip(before, beside.params, strict=True))


def test_shampoo_without_grafting() -> None:
    ours = rule("shampoo")(RATE, momentum=0.0, graft=False, graft_beta=None)
    beside = Beside(ours)
    theirs = po.Shampoo(beside.others, lr=RATE, matrix_eps=1e-6)
    beside.run(lambda number: theirs.step())
    # Theirs has a matrix for vectors too; ours makes a step of SGD.
    beside.compare(1e-8, MATRICES)
    with pytest.raises(AssertionError):
        beside.compare(1e-3)


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_shampoo_with_the_length_of_the_gradient(momentum: float) -> None:
    ours = rule("shampoo")(RATE, momentum=momentum, beta_2=0.9, graft_beta=None, epsilon=1e-13)
    beside = Beside(ours)
    theirs = scalable(beside, (momentum, 0.9), po.optimizer.shampoo.LayerWiseGrafting.SGD)
    beside.run(lambda number: theirs.step())
    beside.compare(1e-7)


def test_shampoo_with_the_length_of_a_step_of_adam() -> None:
    ours = rule("shampoo")(RATE, momentum=0.0, beta_2=0.99, graft_beta=0.99, epsilon=1e-13)
    beside = Beside(ours)
    theirs = scalable(beside, (0.0, 0.99), po.optimizer.shampoo.LayerWiseGrafting.RMSPROP)

    def step(number: int) -> None:
        # Adam divides the mean square by the sum of its weights, RMSProp doesn't.
        theirs.param_groups[0]["lr"] = RATE * np.sqrt(1 - 0.99**number)
        theirs.step()

    beside.run(step)
    beside.compare(1e-7)


def scalable(beside: Beside, betas: tuple[float, float], graft: int) -> Any:
    return po.ScalableShampoo(
        beside.others,
        lr=RATE,
        betas=betas,
        start_preconditioning_step=1,
        preconditioning_compute_steps=1,
        shape_interpretation=False,
        graft_type=graft,
        nesterov=False,
        matrix_eps=1e-13,
        diagonal_eps=1e-13,
        use_svd=True,
    )


def test_splus_and_its_average() -> None:
    beside = Beside(rule("splus")(RATE, period=4, ema_rate=0.9, beta_2=0.95))
    theirs = po.SPlus(
        beside.others,
        lr=RATE,
        betas=(0.9, 0.95),
        inverse_steps=4,
        ema_rate=0.9,
        weight_decay=0.0,
    )

    def step(number: int) -> None:
        is_due = number == 1 or number % 4 == 0
        found = beside.bases("left_basis", "right_basis") if is_due else deque()
        with eigenvectors_of(found):
            theirs.step()

    beside.run(step)
    beside.compare()
    theirs.eval()
    with beside.optimizer.averaged():
        beside.compare()


def test_conda() -> None:
    beside = Beside(rule("conda")(RATE, period=7, scale=0.5))
    theirs = po.Conda(beside.others, lr=RATE, update_proj_gap=7, scale=0.5)
    mirrored, square = rule("conda")(RATE, period=7, scale=0.5), starts()[SQUARE].T.copy()

    def step(number: int) -> None:
        with float64_for_float32():
            theirs.step()
        grad = beside.others[SQUARE].grad
        assert grad is not None
        mirrored.apply([grad.numpy().T.copy()], [square])

    beside.run(step)
    beside.compare(1e-8, [0, 1, 3])
    # Of a square matrix, theirs takes the right singular vectors; the paper takes the left ones.
    np.testing.assert_allclose(square.T, beside.others[SQUARE].detach().numpy(), rtol=1e-8)
