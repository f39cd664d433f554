"""Rules that see all parameters at once, and the loss of each step, as their authors print them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tests.numeric.noise import draws
from tests.zoo.papers import D0, RATE, moments
from tests.zoo.runs import Array, Model, Run, loss

#: From one vector of all parameters, its gradients and the losses to the vector after each step.
Steps = Callable[[Array, Sequence[Array], Sequence[float]], Iterator[Array]]


def of_all(steps: Steps) -> Run:
    """A run over one vector of all parameters."""

    def run(first: Model, rows: Sequence[Model]) -> Sequence[Model]:
        ends = np.cumsum([array.size for array in first])[:-1]
        start, *gradients = [np.concatenate([a.ravel() for a in row]) for row in (first, *rows)]
        losses = [loss(call, row) for call, row in enumerate(rows)]
        return [
            [part.reshape(a.shape) for part, a in zip(np.split(x, ends), first, strict=True)]
            for x in steps(start, gradients, losses)
        ]

    return run


def aegd(x: Array, gradients: Sequence[Array], losses: Sequence[float]) -> Iterator[Array]:
    """Algorithm 1 of Liu and Tian with c = 1."""
    r = np.full_like(x, np.sqrt(losses[0] + 1))
    for g, f in zip(gradients, losses, strict=True):
        v = g / (2 * np.sqrt(f + 1))
        r = r / (1 + 2 * RATE * v**2)
        x = x - 2 * RATE * r * v
        yield x


def aegdm(x: Array, gradients: Sequence[Array], losses: Sequence[float]) -> Iterator[Array]:
    """The same with momentum, as its authors' code has it; old slopes are summed up anew."""
    slopes = [g / (2 * np.sqrt(f + 1)) for g, f in zip(gradients, losses, strict=True)]
    r = np.full_like(x, np.sqrt(losses[0] + 1))
    for t, v in enumerate(slopes):
        r = r / (1 + 2 * RATE * v**2)
        x = x - 2 * RATE * r * sum(0.8 ** (t - k) * slopes[k] for k in range(t + 1))
        yield x


def l4adam(x: Array, gradients: Sequence[Array], losses: Sequence[float]) -> Iterator[Array]:
    """Algorithm 1 of Rolinek and Martius with alpha = RATE, gamma = 0.9 and tau = 10.

    Epsilon is that of the authors' code.
    """
    least = 0.75 * losses[0]
    for f, (m, v) in zip(losses, moments(gradients, 0.9, 0.999), strict=True):
        least = min(least, f)
        direction = m / (np.sqrt(v) + 1e-4)
        x = x - RATE * (f - 0.9 * least) / (m @ direction + 1e-12) * direction
        least *= 1 + 1 / 10
        yield x


def backtracking(x: Array, gradients: Sequence[Array], losses: Sequence[float]) -> Iterator[Array]:
    """Algorithm 1 of Vaswani et al. with c = 0.1, beta = 0.9 and gamma = 2: a line a call.

    A call either begins a search or tests its trial, which is where the losses are taken.
    """
    pairs = iter(zip(gradients, losses, strict=True))
    rate = 5 * RATE
    for g, first in pairs:
        rate = min(2 * rate, 5 * RATE)
        yield x - rate * g
        for _, f in pairs:
            if f <= first - 0.1 * rate * (g @ g):
                x = x - rate * g
                yield x
                break
            rate *= 0.9
            yield x - rate * g


def refined(x: Array, gradients: Sequence[Array], _losses: Sequence[float]) -> Iterator[Array]:
    """The refined SF-AdamW of Song et al. with C = 30 and constant rates, its points apart."""
    z = x
    for t, (g, (_, v)) in enumerate(zip(gradients, moments(gradients, 0, 0.999), strict=True), 1):
        z = z - RATE * g / (np.sqrt(v) + 1e-8)
        share = min((1 - 0.9) * 30 / t, 1)
        x = (1 - share) * x + share * z
        yield (1 - 0.9) * z + 0.9 * x


def mezo(first: Model, rows: Sequence[Model]) -> Sequence[Model]:
    """Algorithm 1 of Malladi et al. with decay 0.1, the numbers of its seed drawn by ours.

    Of three calls, the first moves to one side and the second to the other one.
    """
    ends = np.cumsum([array.size for array in first])[:-1]
    x, f, after = np.concatenate([a.ravel() for a in first]), 0.0, []
    for call, row in enumerate(rows):
        # The eighth part of a step, after seven features: the rule has a decay of its own.
        z = draws(first, [*range(len(first))], 0, 0, 7)["normal"](1, call // 3)
        if call % 3 == 0:
            x = x + 0.5 * z
        elif call % 3 == 1:
            f, x = loss(call, row), x - 0.5 * z - 0.5 * z
        else:
            x = x + 0.5 * z
            x = x - RATE * ((f - loss(call, row)) / (2 * 0.5) * z + 0.1 * x)
        pairs = zip(np.split(x, ends), first, strict=True)
        after.append([part.reshape(a.shape) for part, a in pairs])
    return after


def schedulefreeplus(
    y: Array, gradients: Sequence[Array], losses: Sequence[float]
) -> Iterator[Array]:
    """Defazio's reference, whose points are apart, with a momentum that grows for 9 steps."""
    x, z, weights, largest = y, y, 0.0, 1e-8
    means = moments(gradients, 0.9, 0.95)
    for k, (g, f, (m, v)) in enumerate(zip(gradients, losses, means, strict=True)):
        passed = min(k / 9, 1)
        beta = 1 - np.exp(np.log(1 - 0.8) * (1 - passed) + np.log(1 - 0.95) * passed)
        inner = beta * (g @ (z - x))
        rate = 10 * RATE * max(0, f + inner) / (np.abs(g).sum() * np.sqrt(np.pi / 2))
        largest = max(largest, rate)
        weight = (k + 1) * largest**2
        weights += weight
        z = z - rate**2 * 0.1 * y - rate * m / (np.sqrt(v) + 1e-8)
        x = (1 - weight / weights) * x + weight / weights * z
        y = beta * x + (1 - beta) * z
        yield y


def _root(v: Array, shape: tuple[int, ...]) -> Array:
    """The root of a mean square, or of its rank-one form."""
    if len(shape) < 2:
        return np.asarray(np.sqrt(v))
    flat = v.reshape(shape[0], -1)
    return np.asarray(np.sqrt(np.outer(flat.mean(1), flat.mean(0)) / flat.mean())).reshape(shape)


def prodigyplus(first: Model, rows: Sequence[Model]) -> Sequence[Model]:
    """The package's step with d0 = D0, decay 0.1 and C = 30, its points apart."""
    d, numerator, weights = D0, 0.0, 0.0
    x, y, z = list(first), list(first), list(first)
    v, s = [np.zeros_like(a) for a in first], [np.zeros_like(a) for a in first]
    after = []
    for row in rows:
        weights += (d * RATE) ** 2
        share = min((d * RATE) ** 2 / weights * (1 - 0.9) * 30, 1)
        gain, product = d**2 / D0**0.5, 0.0
        for k, g in enumerate(row):
            v[k] = 0.99 * v[k] + 0.01 * (d * g) ** 2
            s[k] = 0.99**0.5 * s[k] + gain * g
            product += gain * float(np.sum(g * (first[k] - z[k])))
            u = d * g / (_root(v[k], g.shape) + d * 1e-20)
            u = u / np.sqrt(max(np.sqrt(np.mean(u**2)), 1)) + 0.1 * y[k]
            z[k] = z[k] - d * RATE * u
            x[k] = (1 - share) * x[k] + share * z[k]
            y[k] = 0.9 * x[k] + (1 - 0.9) * z[k]
        numerator = 0.99**0.5 * numerator + (product if d > D0 or product > 0 else 0)
        d = max(d, min(numerator / sum(np.abs(one).sum() for one in s), d * 2**0.25))
        after.append(list(y))
    return after
