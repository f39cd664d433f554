"""More rules of low rank, and of subsets of rows, as their papers or their authors' code have them.

Each is for a variable that is a matrix; those of vectors are other rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tests.zoo.low_rank import matrices, restored
from tests.zoo.papers import RATE, Steps
from tests.zoo.runs import Array

JORDAN = (3.4445, -4.7750, 2.0315)


def leading(matrix: Array, rank: int) -> Array:
    """Left singular vectors, with a sign each: the largest entry is positive."""
    found = np.linalg.svd(matrix)[0][:, :rank]
    found = found * np.sign(found[np.abs(found).argmax(axis=0), range(found.shape[1])])
    return np.asarray(found)


def newton_schulz(matrix: Array) -> Array:
    """Jordan's polynomial of the singular values of a matrix over its norm, five times."""
    u, s, v = np.linalg.svd(matrix / (np.linalg.norm(matrix) + 1e-7), full_matrices=False)
    for _ in range(5):
        s = JORDAN[0] * s + JORDAN[1] * s**3 + JORDAN[2] * s**5
    return np.asarray(u * s @ v)


def ldadam(rank: int) -> Steps:
    """Algorithm 1 of Robert et al.: what one step leaves out is a part of the next gradient."""
    b1, b2, rho = 0.908, 0.99, 0.908

    def steps(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
        is_tall = len(x) > x[0].size
        g = next(matrices(gradients, is_tall=is_tall))
        low = min(rank, len(g))
        u = np.zeros((len(g), low))
        m, v, error = np.zeros((low, g.shape[1])), np.zeros((low, g.shape[1])), np.zeros_like(g)
        for t, g in enumerate(matrices(gradients, is_tall=is_tall), 1):
            a = g + error
            before, lifted = u, u @ m
            if t == 1:
                u = leading(a, low)
            else:
                b = rho * lifted / (1 - b1 ** (t - 1)) + (1 - rho) * a
                u = np.linalg.qr(b @ b.T @ before)[0]
            r = u.T @ a
            turned = (u.T @ before) @ m
            error = a - u @ r + b1 / (1 - b1) * (lifted - u @ turned)
            if t > 1:
                first, second = m / (1 - b1 ** (t - 1)), v / (1 - b2 ** (t - 1))
                mixed = (u.T @ before) ** 2 @ (second - first**2)
                v = (1 - b2 ** (t - 1)) * np.abs(mixed + (turned / (1 - b1 ** (t - 1))) ** 2)
            m, v = b1 * turned + (1 - b1) * r, b2 * v + (1 - b2) * r**2
            direction = m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + 1e-8)
            x = x - RATE * restored(u @ direction, x, is_tall=is_tall)
            yield x

    return steps


def frugal(rank: int, period: int, free: float) -> Steps:
    """Algorithm 1 of Zmushko et al.: AdamW in a subspace, whose states begin anew, else signs."""

    def steps(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
        is_tall = len(x) > x[0].size
        for t, g in enumerate(matrices(gradients, is_tall=is_tall)):
            if t % period == 0:
                p, m, v, count = leading(g, rank), np.zeros(()), np.zeros(()), 0
            count += 1
            r = p.T @ g
            m, v = 0.9 * m + 0.1 * r, 0.999 * v + 0.001 * r**2
            full = m / (1 - 0.9**count) / (np.sqrt(v / (1 - 0.999**count)) + 1e-8)
            rest = np.sign(g - p @ r) if len(g) > rank else 0.0
            change = p @ full + free * rest
            x = x - RATE * restored(np.asarray(change), x, is_tall=is_tall)
            yield x

    return steps


def cosmos(rank: int) -> Steps:
    """Algorithm 1 of Liu et al., of the side of columns where there are fewer of them.

    The whole step has a root mean square of 1, as in the authors' code.
    """
    b1, b2, gamma = 0.9, 0.98, 0.2

    def steps(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
        is_tall = len(x) > x[0].size
        m = v = np.zeros(())
        for t, g in enumerate(matrices(gradients, is_tall=is_tall), 1):
            product = (1 - b2) * g @ g.T
            if t == 1:
                u = leading(g, rank)
                s = u.T @ product @ u
            else:
                whole = b2 * u @ s @ u.T + product
                u = np.linalg.qr(b2 * u @ s + product @ u)[0]
                s = u.T @ whole @ u
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * (u.T @ g) ** 2
            a = u @ (u.T @ m / (1 - b1**t) / np.sqrt((v + 1e-8) / (1 - b2**t)))
            b = newton_schulz(m - u @ (u.T @ m)) if len(g) > rank else np.zeros_like(m)
            change = a + gamma * np.sqrt(b.size) * b / (np.linalg.norm(b) + 1e-8)
            change = np.sqrt(change.size) * change / (np.linalg.norm(change) + 1e-8)
            x = x - RATE * restored(change, x, is_tall=is_tall)
            yield x

    return steps


def dion2(count: int, *, by_row: bool) -> Steps:
    """Rows of the momentum with the largest sums of magnitudes; ``by_row`` is NorDion2.

    That one has a mean square of each row, and never takes columns.
    """

    def steps(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
        rows, columns = len(x), x[0].size
        is_turned = rows > columns and not by_row
        m, squares = np.zeros(()), np.zeros((rows, 1))
        for g in matrices(gradients, is_tall=is_turned):
            m = m + g
            most = np.argsort(-np.abs(m).sum(1))[: min(count, rows, columns)]
            o = newton_schulz(m[most])
            m[most] *= 0.95
            if by_row:
                squares[most] += 0.05 * (np.mean(o**2, 1, keepdims=True) - squares[most])
                even = o / np.sqrt(squares[most])
                o = even * np.linalg.norm(o) / np.linalg.norm(even)
            change = np.zeros_like(m)
            change[most] = np.sqrt(rows / columns) * o
            x = x - RATE * restored(change, x, is_tall=is_turned)
            yield x

    return steps
