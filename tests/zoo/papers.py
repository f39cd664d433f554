"""Rules as their papers print them, in NumPy: where no library has them, or not all agree.

Each is a function of a parameter and all of its gradients that yields the parameter after each
step. Times are counted from 1, moments are as they are before their correction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from tests.zoo.runs import Array, Model, Run

Steps = Callable[[Array, Sequence[Array]], Iterator[Array]]
RATE = 0.0625
#: An epsilon that counts, and a first distance that is soon exceeded.
EPSILON, D0 = 0.001, 0.0625


def of_paper(steps: Steps) -> Run:
    """A rule that sees one parameter at a time."""

    def run(first: Model, rows: Sequence[Model]) -> Sequence[Model]:
        own = [
            list(steps(array, [row[place] for row in rows])) for place, array in enumerate(first)
        ]
        return [list(model) for model in zip(*own, strict=True)]

    return run


def moments(gradients: Sequence[Array], b1: float, b2: float) -> Iterator[tuple[Array, Array]]:
    """Both of Adam's moments, corrected for their start, by their sums."""
    for t in range(1, len(gradients) + 1):
        w1, w2 = (np.array([(1 - b) * b**k for k in reversed(range(t))]) for b in (b1, b2))
        past = np.stack(gradients[:t])
        m, v = np.tensordot(w1, past, 1), np.tensordot(w2, past**2, 1)
        yield m / (1 - b1**t), v / (1 - b2**t)


def yogi(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 2 of Zaheer et al., with Adam's corrections and with v from 1e-6."""
    v = np.full_like(x, 1e-6)
    for t, (g, (m, _)) in enumerate(zip(gradients, moments(gradients, 0.9, 0.999), strict=True), 1):
        v = v - 0.001 * np.sign(v - g**2) * g**2
        x = x - RATE * m / (np.sqrt(v / (1 - 0.999**t)) + 1e-3)
        yield x


def adan(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Xie et al., whose betas are 1 minus ours, with corrections for the start."""
    b1, b2, b3 = 0.02, 0.08, 0.01
    m, v, n, before = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x), gradients[0]
    for t, g in enumerate(gradients, 1):
        m = (1 - b1) * m + b1 * g
        v = (1 - b2) * v + b2 * (g - before)
        n = (1 - b3) * n + b3 * (g + (1 - b2) * (g - before)) ** 2
        before = g
        ahead = m / (1 - (1 - b1) ** t) + (1 - b2) * v / (1 - (1 - b2) ** t)
        x = x - RATE * ahead / (np.sqrt(n / (1 - (1 - b3) ** t)) + 1e-8)
        yield x


def adopt(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 2 of Taniguchi et al.: the first gradient is number 0."""
    v, m = gradients[0] ** 2, np.zeros_like(x)
    yield x
    for t, g in enumerate(gradients[1:], 1):
        m = 0.9 * m + 0.1 * np.clip(g / np.maximum(np.sqrt(v), 1e-6), -(t**0.25), t**0.25)
        x = x - RATE * m
        v = 0.9999 * v + 0.0001 * g**2
        yield x


def mars(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 2 of Yuan et al. with the last gradient for the one of the last parameter."""
    rows = [np.zeros_like(x), *gradients]
    c = [g + 0.025 * 0.95 / 0.05 * (g - before) for before, g in pairwise(rows)]
    c = [each / max(1.0, np.sqrt(np.sum(each**2))) for each in c]
    for m, v in moments(c, 0.95, 0.99):
        x = x - RATE * m / (np.sqrt(v) + 1e-8)
        yield x


def radam(x: Array, gradients: Sequence[Array], b2: float = 0.95) -> Iterator[Array]:
    """Algorithm 2 of Liu et al., with their threshold of 4, and an epsilon that counts nothing."""
    for t, (m, v) in enumerate(moments(gradients, 0.9, b2), 1):
        last = 2 / (1 - b2) - 1
        rho = last - 2 * t * b2**t / (1 - b2**t)
        if rho > 4:
            r = np.sqrt((rho - 4) / (last - 4) * (rho - 2) / (last - 2) * last / rho)
            x = x - RATE * r * m / np.sqrt(v)
        else:
            x = x - RATE * m
        yield x


def lookahead(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Zhang et al. around SGD: back half of the way after every second step."""
    slow = x
    for t, g in enumerate(gradients, 1):
        x = x - RATE * g
        if t % 2 == 0:
            x = slow = slow + 0.5 * (x - slow)
        yield x


def lamb(x: Array, gradients: Sequence[Array], decay: float = 0.1) -> Iterator[Array]:
    """Algorithm 2 of You et al., where phi changes nothing."""
    for m, v in moments(gradients, 0.9, 0.999):
        r = m / (np.sqrt(v) + 1e-6) + decay * x
        x = x - RATE * np.sqrt(np.sum(x**2) / np.sum(r**2)) * r
        yield x


def lars(x: Array, gradients: Sequence[Array], decay: float = 0.1) -> Iterator[Array]:
    """Algorithm 1 of You, Gitman and Ginsburg."""
    v = np.zeros_like(x)
    for g in gradients:
        w, slope = np.sqrt(np.sum(x**2)), np.sqrt(np.sum(g**2))
        v = 0.9 * v + RATE * 0.001 * w / (slope + decay * w) * (g + decay * x)
        x = x - v
        yield x


def rprop(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Riedmiller's rule without taking steps back: element by element, as its pseudocode."""
    x, size, before = x.copy(), np.full(x.shape, RATE), np.zeros_like(x)
    for g in gradients:
        for i in np.ndindex(x.shape):
            if g[i] * before[i] < 0:
                size[i], before[i] = max(size[i] * 0.5, 1e-6), 0.0
                continue
            if g[i] * before[i] > 0:
                size[i] = min(size[i] * 1.2, 50.0)
            x[i] -= np.sign(g[i]) * size[i]
            before[i] = g[i]
        yield x.copy()


def padam(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Chen et al.: no moment is corrected, and v only grows."""
    largest = np.zeros_like(x)
    for t, (m, v) in enumerate(moments(gradients, 0.9, 0.999), 1):
        largest = np.maximum(largest, v * (1 - 0.999**t))
        x = x - RATE * m * (1 - 0.9**t) / (largest**0.125 + 1e-8)
        yield x


def adamod(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Ding et al.: rates hold the second correction only."""
    s = np.zeros_like(x)
    for m, v in moments(gradients, 0.9, 0.999):
        rate = RATE / (np.sqrt(v) + 1e-8)
        s = 0.999 * s + 0.001 * rate
        x = x - np.minimum(rate, s) * m
        yield x


def laprop(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Ziyin, Wang and Ueda."""
    m = np.zeros_like(x)
    for t, (g, (_, v)) in enumerate(zip(gradients, moments(gradients, 0.9, 0.999), strict=True), 1):
        m = 0.9 * m + 0.1 * g / (np.sqrt(v) + 1e-15)
        x = x - RATE * m / (1 - 0.9**t)
        yield x


def adamatan2(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    for m, v in moments(gradients, 0.9, 0.999):
        x = x - RATE * np.arctan2(m, np.sqrt(v))
        yield x


def powersign(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    for g, (m, _) in zip(gradients, moments(gradients, 0.9, 0.999), strict=True):
        x = x - RATE * np.exp(np.sign(g) * np.sign(m)) * g
        yield x


def addsign(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    for g, (m, _) in zip(gradients, moments(gradients, 0.9, 0.999), strict=True):
        x = x - RATE * (1 + np.sign(g) * np.sign(m)) * g
        yield x


def adafactor(x: Array, gradients: Sequence[Array], is_relative: bool = True) -> Iterator[Array]:
    """Algorithms 4 and 5 of Shazeer and Stern, of stacked matrices, with steps of 1 at most."""
    v = r = c = np.zeros(())
    for t, g in enumerate(gradients, 1):
        b, square = 1 - t**-0.8, g**2 + 1e-30
        if x.ndim < 2:
            v = b * v + (1 - b) * square
        else:
            r = b * r + (1 - b) * square.sum(-1, keepdims=True)
            c = b * c + (1 - b) * square.sum(-2, keepdims=True)
            v = r @ c / r.sum(-2, keepdims=True)
        u = g / np.sqrt(v)
        u = u / max(1, np.sqrt(np.mean(u**2)))
        rate = t**-0.5 if is_relative else 1.0
        x = x - max(1e-3, np.sqrt(np.mean(x**2))) * rate * u
        yield x


def adammini(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Zhang et al. with a block for each output, or one."""
    axes = tuple(range(1, x.ndim)) if x.ndim > 1 else None
    means = moments(gradients, 0.9, 0.999)
    for m, v in means:
        x = x - RATE * m / (np.sqrt(v.mean(axes, keepdims=True)) + 1e-8)
        yield x


def adamp(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 2 of Heo et al. without the projection: of a vector."""
    for m, v in moments(gradients, 0.9, 0.999):
        x = x - RATE * m / (np.sqrt(v) + EPSILON)
        yield x


def sgld(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Equation 4 of Welling and Teh at its mean."""
    for g in gradients:
        x = x - RATE / 2 * g
        yield x


def prodigy(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 4 of Mishchenko and Defazio, with a learning rate of 1."""
    start, d, b = x, D0, np.sqrt(0.999)
    m = v = s = np.zeros_like(x)
    r = 0.0
    for g in gradients:
        m = 0.9 * m + 0.1 * d * g
        v = 0.999 * v + 0.001 * d**2 * g**2
        r = b * r + (1 - b) * d**2 * np.sum(g * (start - x))
        s = b * s + (1 - b) * d**2 * g
        x = x - d * m / (np.sqrt(v) + d * EPSILON)
        d = max(d, r / np.sum(np.abs(s)))
        yield x
