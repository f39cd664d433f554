"""Rules with matrices of their own beside the formulas of their papers, for 30 steps in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from tests.numeric.preconditioned import Array, Beside, rule

pytestmark = pytest.mark.usefixtures("python_kernels")
RATE = 0.02
MATRICES, VECTOR = (0, 1, 2), 3
#: The change for a gradient, the states of its matrix, and the step.
Formula = Callable[[Array, dict[str, Array], int], Array]


def run(name: str, change: Formula, begun: Sequence[str] = (), **settings: float) -> Beside:
    """Run our rule and its formula, which has the states ``begun`` of our first step."""
    beside = Beside(rule(name)(RATE, **settings))
    states: list[dict[str, Array]] = [{} for _ in beside.others]

    def step(number: int) -> None:
        if number == 1:
            found = beside.bases(*begun)
            for place in MATRICES:
                states[place].update({one: found.popleft().copy() for one in begun})
        for place in MATRICES:
            param = beside.others[place]
            assert param.grad is not None
            taken = change(param.grad.numpy(), states[place], number)
            param.data -= torch.tensor(taken)

    beside.run(step)
    beside.compare(1e-8, MATRICES)
    return beside


@pytest.mark.parametrize("rescale", [True, False])
def test_swan(rescale: bool) -> None:
    def change(grad: Array, states: dict[str, Array], number: int) -> Array:
        normal = (grad - grad.mean(1, keepdims=True)) / grad.std(1, keepdims=True)
        # All singular values become 1; those of 0, of rows that add up to 0, stay.
        left, values, right = np.linalg.svd(normal, full_matrices=False)
        whitened = left[:, values > 1e-9] @ right[values > 1e-9]
        if rescale:
            whitened *= np.linalg.norm(normal) / np.linalg.norm(whitened)
        return np.asarray(RATE * whitened)

    beside = run("swan", change, rescale=rescale, epsilon=1e-13)
    assert [*next(iter(beside.optimizer.state.values()))] == []


def kl_rule(name: str) -> Formula:
    """KL-Shampoo or KL-SOAP by Lin et al., with the start and the means of the authors' code."""
    beta, epsilon = 0.9, 1e-8

    def change(grad: Array, states: dict[str, Array], number: int) -> Array:
        rows, columns = grad.shape
        if number == 1:
            states["a"] = (1 - beta) * grad @ grad.T / columns
            states["b"] = (1 - beta) * grad.T @ grad / rows
            assert_are_eigenvectors(states["left_basis"], states["a"])
            assert_are_eigenvectors(states["right_basis"], states["b"])
            states.update(m=np.zeros_like(grad), v=np.zeros_like(grad))
            states.update(la=np.full(rows, 0.1), lb=np.full(columns, 0.1))
            return np.zeros_like(grad)
        qa, qb, la, lb = (states[key] for key in ("left_basis", "right_basis", "la", "lb"))
        states["m"] = 0.9 * states["m"] + 0.1 * grad
        states["v"] = beta * states["v"] + (1 - beta) * (qa.T @ grad @ qb) ** 2
        root = np.sqrt(states["v"] if name == "klsoap" else np.outer(la, lb)) + epsilon
        step = qa @ (qa.T @ states["m"] @ qb / root) @ qb.T
        # The inverses of the factors, from their eigenvalues: Q diag(1/l) Q^T.
        of_a = grad @ (qb / lb) @ qb.T @ grad.T / columns
        of_b = grad.T @ (qa / la) @ qa.T @ grad / rows
        states["a"] = beta * states["a"] + (1 - beta) * of_a
        states["b"] = beta * states["b"] + (1 - beta) * of_b
        states["la"] = beta * la + (1 - beta) * np.diag(qa.T @ of_a @ qa)
        states["lb"] = beta * lb + (1 - beta) * np.diag(qb.T @ of_b @ qb)
        if (number - 1) % 4 == 0:
            states["left_basis"] = np.linalg.qr(states["a"] @ qa)[0]
            states["right_basis"] = np.linalg.qr(states["b"] @ qb)[0]
        return np.asarray(RATE * step)

    return change


@pytest.mark.parametrize("name", ["klshampoo", "klsoap"])
def test_kl_rules(name: str) -> None:
    run(name, kl_rule(name), ["left_basis", "right_basis"], beta_2=0.9, period=4)


def assert_are_eigenvectors(basis: Array, square: Array) -> None:
    """The largest is first; those of equal values are arbitrary."""
    turned = basis.T @ square @ basis
    near = 1e-12 * np.trace(square)
    np.testing.assert_allclose(basis.T @ basis, np.eye(len(basis)), atol=1e-12)
    np.testing.assert_allclose(turned, np.diag(np.diag(turned)), atol=near)
    assert (np.diff(np.diag(turned)) <= near).all()


def power(square: Array, exponent: float) -> Array:
    """A power of a symmetric matrix plus 1e-6 on its diagonal."""
    values, vectors = np.linalg.eigh(square)
    return np.asarray(vectors * (np.maximum(values, 0) + 1e-6) ** exponent @ vectors.T)


def test_caspr() -> None:
    """Algorithm 1 of Duvvuri et al., whose square of a mean has three terms."""

    def change(grad: Array, states: dict[str, Array], number: int) -> Array:
        states["l"] = states.get("l", 0.0) + grad @ grad.T
        states["r"] = states.get("r", 0.0) + grad.T @ grad
        left, right = states["l"], states["r"]
        both = power(left, -0.25) @ grad @ power(right, -0.25)
        whole = power(left, -0.5) @ grad + 2 * both + grad @ power(right, -0.5)
        return np.asarray(RATE * whole / 4)

    run("caspr", change, momentum=0.0, graft=False)


def test_distributed_shampoo() -> None:
    """Algorithm 2 of Shi et al. for one block, grafted onto Adam, without momentum."""
    beta = 0.95

    def change(grad: Array, states: dict[str, Array], number: int) -> Array:
        if not states:
            states.update(m=np.zeros_like(grad), v=np.zeros_like(grad))
            states.update(l=np.zeros((len(grad),) * 2), r=np.zeros((grad.shape[1],) * 2))
        states["m"] = 0.9 * states["m"] + 0.1 * grad
        states["v"] = beta * states["v"] + (1 - beta) * grad**2
        states["l"] = beta * states["l"] + (1 - beta) * grad @ grad.T
        states["r"] = beta * states["r"] + (1 - beta) * grad.T @ grad
        mean = states["m"] / (1 - 0.9**number)
        adam = mean / (np.sqrt(states["v"] / (1 - beta**number)) + 1e-6)
        step = power(states["l"], -0.25) @ mean @ power(states["r"], -0.25)
        return np.asarray(RATE * step * np.linalg.norm(adam) / np.linalg.norm(step))

    run("shampoo", change, momentum=0.0, beta_1=0.9, beta_2=beta, graft_beta=beta)


def lower_bound(square: Array) -> float:
    """A bound of the largest eigenvalue from below: exact if all others are 0, or the same."""
    values = np.linalg.eigvalsh(square)
    bound = np.sqrt(np.sum(values**4) / np.sum(values**2))
    assert 0.5 * values.max() < bound <= values.max() * (1 + 1e-12)
    return float(bound)


def test_kron() -> None:
    def change(grad: Array, states: dict[str, Array], number: int) -> Array:
        rows, columns = grad.shape
        if not states:
            states.update(m=np.zeros_like(grad), a=np.eye(rows), b=np.eye(columns))
            states.update(la=np.zeros(()), lb=np.zeros(()))
        states["m"] = 0.9 * states["m"] + 0.1 * grad
        a, b = states["a"], states["b"]
        # The preconditioner of all elements, as one matrix.
        whole = np.kron(a.T @ a, b.T @ b)
        white = (whole @ states["m"].ravel()).reshape(grad.shape) / (1 - 0.9**number)
        for name, product, count in (("a", white @ white.T, columns), ("b", white.T @ white, rows)):
            newest = lower_bound(product) + count
            kept = states[f"l{name}"] = np.maximum(0.9 * states[f"l{name}"] + 0.1 * newest, newest)
            error = product - count * np.eye(len(product))
            states[name] = states[name] - 0.1 / kept * states[name] @ error
        return np.asarray(RATE * white * min(1, 1.1 / (np.sqrt(np.mean(white**2)) + 1e-6)))

    run("kron", change)


def nearer_to_symmetric(q: Array) -> Array:
    """A rotation of `q` to the second order, by the length that makes its trace the largest."""
    skew = q.T - q
    unit = skew / np.sqrt(lower_bound(skew @ skew.T)) if np.abs(skew).max() > 1e-300 else skew
    slope, bend = np.trace(unit @ q), np.trace(unit @ unit @ q)
    length = np.clip(-slope / bend, 0, 0.5) if bend < 0 else 0.5
    rotation = np.eye(len(q)) + length * unit + length**2 / 2 * unit @ unit
    return np.asarray(rotation @ q)


@pytest.mark.parametrize("half", [False, True])
def test_psgd_pro(half: bool) -> None:
    def change(grad: Array, states: dict[str, Array], number: int) -> Array:
        rows, columns = grad.shape
        if not states:
            states.update(m=np.zeros_like(grad), a=np.eye(rows), b=np.eye(columns))
            states.update(la=np.zeros(()), lb=np.zeros(()))
        states["m"] = 0.9 * states["m"] + 0.1 * grad
        a, b = states["a"], states["b"]
        mean = states["m"] / (1 - 0.9**number)
        white = a.T @ a @ mean @ b.T @ b
        for name, product, count in (("a", white @ white.T, columns), ("b", white.T @ white, rows)):
            newest = lower_bound(product) + count
            kept = states[f"l{name}"] = np.maximum(0.9 * states[f"l{name}"] + 0.1 * newest, newest)
            error = product - count * np.eye(len(product))
            states[name] = nearer_to_symmetric(states[name] - 0.1 / kept * error @ states[name])
        step = a @ mean @ b.T if half else white
        return np.asarray(RATE * step * min(1, 1.1 / (np.sqrt(np.mean(step**2)) + 1e-6)))

    run("psgdpro", change, half_whitened=half)


def test_kron_whitens() -> None:
    # Gradients of one covariance, which the fitted factors make the identity.
    draw = np.random.default_rng(3)
    optimizer = rule("kron")(0.0, momentum=0.0, q_rate=0.05)
    param, scales = np.zeros((3, 4)), np.outer([0.1, 1.0, 10.0], [1.0, 2.0, 3.0, 4.0])
    for _ in range(600):
        optimizer.apply([scales * draw.normal(size=param.shape)], [param])
    (states,) = optimizer.state.values()
    left, right = (np.asarray(states[name]) for name in ("left_q", "right_q"))
    many = scales * draw.normal(size=(2000, *param.shape))
    white = (left.T @ left) @ many @ (right.T @ right)
    np.testing.assert_allclose(white.std(0), 1, rtol=0.5)


@pytest.mark.parametrize(
    ("name", "other"), [("swan", torch.optim.Adam), ("klshampoo", torch.optim.AdamW)]
)
def test_vectors_have_another_rule(name: str, other: type[torch.optim.Optimizer]) -> None:
    beside = Beside(rule(name)(RATE, adam_learning_rate=0.03))
    theirs = other([beside.others[VECTOR]], lr=0.03, weight_decay=0.0)  # type: ignore[call-arg]
    beside.run(lambda number: theirs.step())
    beside.compare(1e-6, [VECTOR])
