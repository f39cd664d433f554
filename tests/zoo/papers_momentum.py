"""Rules of momentum, of one rate for all, of averages and of noise, as their papers print them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import numpy as np

from tests.zoo.papers import RATE, Steps, moments
from tests.zoo.runs import Array, Model, Run, at_the_last_point

#: Numbers that count in thirty steps of `RATE`.
PENALTY, HYPER, RHO = 0.25, 1e-4, 0.5


def of_all(steps: Steps) -> Run:
    """A rule of one vector, which is all parameters behind one another."""

    def flat(model: Model) -> Array:
        return np.concatenate([np.ravel(array) for array in model])

    def run(first: Model, rows: Sequence[Model]) -> Sequence[Model]:
        ends = np.cumsum([array.size for array in first])[:-1]
        after = []
        for x in steps(flat(first), [flat(row) for row in rows]):
            parts = np.split(x, ends)
            after.append([part.reshape(k.shape) for part, k in zip(parts, first, strict=True)])
        return after

    return run


def nesterov_sequence(y: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Beck and Teboulle's FISTA without a second function; gradients are those at y."""
    x, t = y, 1.0
    for g in gradients:
        before, x = x, y - RATE * g
        after = (1 + np.sqrt(1 + 4 * t**2)) / 2
        y = x + (t - 1) / after * (x - before)
        t = after
        yield y


def gravity(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Bahrami and Pourmoghadam Zadeh from rest, as with an alpha of 0."""
    v = np.zeros_like(x)
    for t, g in enumerate(gradients, 1):
        decay, m = (0.9 * t + 1) / (t + 2), 1 / np.max(np.abs(g))
        v = decay * v + (1 - decay) * g / (1 + (g / m) ** 2)
        x = x - RATE * v
        yield x


def srmm(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Lyu's double average: the first weight is 1, and so is each after seven steps."""
    weights = [(k % 7 + 1) ** -0.5 for k in range(len(gradients))]
    for t in range(len(gradients)):
        if t % 7 == 0:
            g, p = gradients[t], x
        else:
            g = (1 - weights[t]) * g + weights[t] * gradients[t]
            p = (1 - weights[t]) * p + weights[t] * x
        x = p = p - RATE * g
        yield x


def tam(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Equations 2 to 4 of Malviya et al., from a momentum of 0."""
    m, s = np.zeros_like(x), 0.0
    for k, g in enumerate(gradients):
        unit = [a / np.linalg.norm(a) for a in (m, g)] if k else [m, g]
        s = 0.9 * s + 0.1 * np.vdot(*unit)
        m = 0.9 * m + (1e-8 + (1 + s) / 2) * g
        x = x - RATE * m
        yield x


def proximal(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Duchi and Singer's two steps: each element's minimum is at 0 or beyond the penalty."""
    for g in gradients:
        x = _shrunk(x - RATE * g, RATE)
        yield x


def proximal_adagrad(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    for square, g in zip(accumulate(g**2 for g in gradients), gradients, strict=True):
        rate = RATE / np.sqrt(0.1 + square)
        x = _shrunk(x - rate * g, rate)
        yield x


def _shrunk(moved: Array, rate: Array | float) -> Array:
    """Where the penalties, times the rate, and half the squared distance together are least."""
    least = rate * PENALTY
    nearer = np.where(moved > least, moved - least, np.where(moved < -least, moved + least, 0.0))
    return nearer / (1 + rate * PENALTY)


def conditional(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Frank and Wolfe's step to the point of the ball with the least product with the gradient."""
    for g in gradients:
        farthest = -10 * g / np.sqrt(np.sum(g**2))
        x = (1 - RATE) * x + RATE * farthest
        yield x


def demon(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Chen et al. over 25 steps, with the momentum of Polyak behind them."""
    v = np.zeros_like(x)
    for t, g in enumerate(gradients):
        left = max(1 - t / 25, 0)
        beta = 0.9 * left / ((1 - 0.9) + 0.9 * left)
        v = beta * v - RATE * g
        x = x + v
        yield x


def accelegrad(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Levy, Yurtsever and Cevher without K, whose steps begin with number 0."""
    alphas = [1.0 if t <= 2 else (t + 1) / 4 for t in range(len(gradients) + 1)]
    z, total = x, 0.0
    for t, g in enumerate(gradients):
        total += alphas[t] ** 2 * np.sum(g**2)
        eta = RATE * 2 / np.sqrt(1 + total)
        z, y = z - alphas[t] * eta * g, x - eta * g
        x = z / alphas[t + 1] + (1 - 1 / alphas[t + 1]) * y
        yield x


def sghmc(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Equation 15 of Chen, Fox and Guestrin at its mean."""
    v = np.zeros_like(x)
    for g in gradients:
        v = v - RATE * g - 0.1 * v
        x = x + v
        yield x


def adagrad_norm(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Ward, Wu and Bottou."""
    b = 0.5
    for g in gradients:
        b = np.hypot(b, np.linalg.norm(g))
        x = x - RATE / b * g
        yield x


def wngrad(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Wu, Ward and Bottou: b_j grows by the gradient at x_j, after that step."""
    b = 0.5
    x = x - RATE / b * gradients[0]
    yield x
    for g in gradients[1:]:
        b = b + np.sum(g**2) / b
        x = x - RATE / b * g
        yield x


def delta_bar_delta(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Jacobs's rule, element by element."""
    x, rate, bar = x.copy(), np.full(x.shape, 0.01), np.zeros_like(x)
    for g in gradients:
        for i in np.ndindex(x.shape):
            if bar[i] * g[i] > 0:
                rate[i] += 0.001
            elif bar[i] * g[i] < 0:
                rate[i] -= 0.1 * rate[i]
            bar[i] = (1 - 0.7) * g[i] + 0.7 * bar[i]
            x[i] -= RATE * rate[i] * g[i]
        yield x.copy()


def rprop_plus(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Riedmiller and Braun's pseudocode, element by element."""
    x, size = x.copy(), np.full(x.shape, RATE)
    before, move = np.zeros_like(x), np.zeros_like(x)
    for g in gradients:
        for i in np.ndindex(x.shape):
            if g[i] * before[i] < 0:
                size[i] = max(size[i] * 0.5, 1e-6)
                move[i], before[i] = -move[i], 0.0
            else:
                if g[i] * before[i] > 0:
                    size[i] = min(size[i] * 1.2, 50.0)
                move[i], before[i] = -np.sign(g[i]) * size[i], g[i]
            x[i] += move[i]
        yield x.copy()


def hypergradient(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 4 of Baydin et al."""
    rate = RATE
    for before, g in pairwise([np.zeros_like(x), *gradients]):
        rate = rate + HYPER * np.dot(g, before)
        x = x - rate * g
        yield x


def hypergradient_nesterov(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 5 of Baydin et al."""
    rate, v, u = RATE, np.zeros_like(x), np.zeros_like(x)
    for g in gradients:
        rate = rate - HYPER * np.dot(g, u)
        v = 0.9 * v + g
        u = -(g + 0.9 * v)
        x = x + rate * u
        yield x


def hypergradient_adam(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 6 of Baydin et al."""
    rate, u = RATE, np.zeros_like(x)
    for g, (m, v) in zip(gradients, moments(gradients, 0.9, 0.999), strict=True):
        rate = rate - HYPER * np.dot(g, u)
        u = -m / (np.sqrt(v) + 1e-8)
        x = x + rate * u
        yield x


def adgd(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Malitsky and Mishchenko."""
    rate, theta = 0.001, np.inf
    points = [x, x - rate * gradients[0]]
    yield points[1]
    for before, g in pairwise(gradients):
        last = np.linalg.norm(points[-1] - points[-2]) / (2 * np.linalg.norm(g - before))
        new = min(np.sqrt(1 + theta) * rate, last)
        theta, rate = new / rate, new
        points.append(points[-1] - rate * g)
        yield points[-1]


def barzilai_borwein(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    points = [x, x - 0.01 * gradients[0]]
    yield points[1]
    for before, g in pairwise(gradients):
        s, y = points[-1] - points[-2], g - before
        points.append(points[-1] - np.dot(s, s) / np.abs(np.dot(s, y)) * g)
        yield points[-1]


def focus(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Liu et al., whose first attraction is that of a point to itself."""
    points = [x]
    for t, (m, _) in enumerate(moments(gradients, 0.9, 0.999), 1):
        weights = [0.999**k for k in reversed(range(t))]
        bar = np.average(points, axis=0, weights=weights)
        away = np.sign(x - bar) if t > 1 else 0.0
        x = x - RATE * (np.sign(m) + 0.1 * away)
        points.append(x)
        yield x


def error_feedback(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Karimireddy et al."""
    e = np.zeros_like(x)
    for g in gradients:
        p = RATE * g + e
        delta = np.sum(np.abs(p)) / p.size * np.sign(p)
        x, e = x - delta, p - delta
        yield x


def primal_averaging(y: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Defazio et al.'s three sequences around AdamW; gradients are those at y."""
    x = z = y
    for m, v in moments(gradients, 0.9, 0.999):
        z = (1 - RATE * 0.1) * z - RATE * m / (np.sqrt(v) + 1e-8)
        x = 0.75 * x + 0.25 * z
        yield 0.875 * x + 0.125 * z


def msam(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Becker, Altrock and Risse; gradients are those at the points found."""
    v = np.zeros_like(x)
    for g in gradients:
        v = 0.9 * v + g
        x = x - RATE * v
        yield x - RHO * v / np.linalg.norm(v)


def adahessian(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Yao et al. with a power of 1/2 and a Hessian every third step."""
    seen: list[Array] = []
    for t, (g, (m, _)) in enumerate(zip(gradients, moments(gradients, 0.9, 0.999), strict=True)):
        if t % 3 == 0:
            seen.append(g**2 - 0.1)
            *_, (_, square) = moments(seen, 0.9, 0.99)
        x = x - RATE * m / (np.sqrt(square) ** 0.5 + 1e-4)
        yield x


def sophia_g(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithms 2 and 3 of Liu et al. with a batch of 16 every third step."""
    h = np.zeros_like(x)
    for t, (g, (m, _)) in enumerate(zip(gradients, moments(gradients, 0.96, 0.99), strict=True)):
        if t % 3 == 0:
            sampled = g[::-1] / 2
            h = 0.99 * h + 0.01 * 16 * sampled * sampled
        x = x - RATE * np.clip((1 - 0.96 ** (t + 1)) * m / np.maximum(0.05 * h, 1e-12), -1, 1)
        yield x


def exact_mars(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 2 of Yuan et al. with both gradients."""
    c = [
        g + 0.025 * 0.95 / 0.05 * (g - b)
        for g, b in zip(gradients, at_the_last_point(gradients), strict=True)
    ]
    clipped = [one / max(float(np.linalg.norm(one)), 1) for one in c]
    for m, v in moments(clipped, 0.95, 0.99):
        x = x - RATE * m / (np.sqrt(v) + 1e-8)
        yield x


def storm(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Cutkosky and Orabona, with a w of 0.5 and a c of 16; a is at most 1."""
    d, a, total = gradients[0], 1.0, 0.5
    for t, (g, b) in enumerate(zip(gradients, at_the_last_point(gradients), strict=True)):
        d = g + (1 - a) * (d - b) if t else g
        total += np.sum(g**2)
        rate = RATE / total ** (1 / 3)
        x, a = x - rate * d, min(16 * rate**2, 1)
        yield x


def spider(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Fang et al. with option II, steps of 0.5 at most, and one of many examples."""
    v = gradients[0]
    for t, (g, b) in enumerate(zip(gradients, at_the_last_point(gradients), strict=True)):
        v = v + (g - b) if t else g
        x = x - min(RATE, float(0.5 / np.linalg.norm(v))) * v
        yield x


def stormplus(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 2 of Levy, Kavis and Cevher, of all its gradients and momenta so far."""
    d, norms, parts = np.zeros_like(x), 0.0, 0.0
    for g, b in zip(gradients, at_the_last_point(gradients), strict=True):
        a = (1 + norms) ** (-2 / 3)
        d = g + (1 - a) * (d - b)
        norms += np.sum(g**2)
        parts += np.sum(d**2) / (1 + norms) ** (-2 / 3)
        x = x - RATE * parts ** (-1 / 3) * d
        yield x


def ivon(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Shen et al. at the mean, without a sample: the Hessian stays."""
    for g, _ in moments(gradients, 0.9, 0.9):
        x = x - RATE * (g + 0.25 * x)
        yield x


def angular(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Roy et al.: the smaller of the angles of this step and the one before."""
    pairs, last = pairwise([np.zeros_like(x), *gradients]), np.full_like(x, np.pi / 2)
    for (before, g), (m, v) in zip(pairs, moments(gradients, 0.9, 0.999), strict=True):
        angle = np.arctan(np.abs((g - before) / (1 + g * before)))
        phi = 0.5 * np.tanh(np.abs(np.cos(np.minimum(last, angle)))) + 0.5
        last = angle
        x = x - RATE * phi * m / (np.sqrt(v) + 1e-8)
        yield x
