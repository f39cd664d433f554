"""Rules of low rank as their papers print them, in NumPy, for a variable that is a matrix.

What they draw is what our generator draws: the random numbers of the first variable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

import optgen
from tests.zoo.papers import RATE, Steps
from tests.zoo.runs import Array

#: Numbers with one draw for each element.
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


@cache
def drawn(shape: tuple[int, int], step: int = 1) -> Array:
    """What a step draws for each element of the first variable."""
    optimizer: Any = optgen.compile(DRAWN)()
    variable = np.zeros(shape)
    for _ in range(step):
        optimizer.apply([np.zeros(shape)], [variable])
    found: Array = optimizer.state["variable_0"]["bell"]
    return found


def galore(rank: int, period: int, scale: float) -> Steps:
    """Algorithm 2 of Zhao et al. around Adam, for any period: singular vectors have signs."""

    def steps(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
        # The paper projects the side of rows where there are no more of them than of columns.
        is_tall = len(x) > x[0].size
        m = v = np.zeros(())
        for t, g in enumerate(matrices(gradients, is_tall=is_tall)):
            if t % period == 0:
                p = np.linalg.svd(g)[0][:, :rank]
                p = p * np.sign(p[np.abs(p).argmax(axis=0), range(p.shape[1])])
            r = p.T @ g
            m, v = 0.9 * m + 0.1 * r, 0.999 * v + 0.001 * r**2
            size = RATE * scale * corrections(t)
            x = x - size * restored(p @ (m / (np.sqrt(v) + 1e-6)), x, is_tall=is_tall)
            yield x

    return steps


def dion(rank: int, momentum: float) -> Steps:
    """Algorithm 1 of Ahn et al., on one device."""

    def steps(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
        rows, columns = len(x), x[0].size
        m, q = np.zeros((rows, columns)), drawn((columns, min(rank, rows, columns)))
        for g in matrices(gradients):
            b = m + g
            p, _ = np.linalg.qr(b @ q)
            r = b.T @ p
            m = b - (1 - momentum) * p @ r.T
            q = r / (np.sqrt((r**2).sum(axis=0)) + 1e-8)
            x = x - restored(RATE * np.sqrt(rows / columns) * p @ q.T, x)
            yield x

    return steps


def apollo(rank: int, period: int, scale: float, *, by_column: bool) -> Steps:
    """Algorithm 1 of Zhu et al. with its limiter, and with the constants of the authors' code.

    Columns are the longer side: a tall matrix is transposed first.
    """

    def steps(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
        is_tall = len(x) > x[0].size
        m = v = np.zeros(())
        last: float | None = None
        for t, g in enumerate(matrices(gradients, is_tall=is_tall)):
            if t % period == 0:
                width = min(rank, len(g))
                p = drawn((len(g), width), t + 1).T / np.sqrt(width)
            r = p @ g
            m, v = 0.9 * m + 0.1 * r, 0.999 * v + 0.001 * r**2
            direction = m / (np.sqrt(v) + 1e-6)
            axis = 0 if by_column else None
            s = np.sqrt((direction**2).sum(axis)) / (np.sqrt((r**2).sum(axis)) + 1e-8)
            change = g * s
            if last is not None:
                change = change / (max(float(np.linalg.norm(change)) / (last + 1e-8), 1.01) / 1.01)
            last = float(np.linalg.norm(change))
            x = x - RATE * scale * corrections(t) * restored(change, x, is_tall=is_tall)
            yield x

    return steps


def corrections(t: int) -> float:
    """Both of Adam's corrections for the start, in the step that so many precede."""
    return float(np.sqrt(1 - 0.999 ** (t + 1)) / (1 - 0.9 ** (t + 1)))


def matrices(gradients: Sequence[Array], *, is_tall: bool = False) -> Iterator[Array]:
    """Gradients as matrices of the first dimension by the rest; a tall one is transposed."""
    for g in gradients:
        matrix = g.reshape(len(g), -1)
        yield matrix.T if is_tall else matrix


def restored(matrix: Array, like: Array, *, is_tall: bool = False) -> Array:
    return (matrix.T if is_tall else matrix).reshape(like.shape)
