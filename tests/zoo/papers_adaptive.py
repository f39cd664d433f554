"""Rules with a rate for each element, and of dual averages, as their papers print them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from tests.zoo.papers import RATE, Steps, moments, of_paper
from tests.zoo.runs import Array, Model, Run


def of_whole(steps: Steps) -> Run:
    """A rule that sees all parameters as one vector: its sums are those over all of them."""

    def flat(model: Model) -> Model:
        return [np.concatenate([np.ravel(array) for array in model])]

    def run(first: Model, rows: Sequence[Model]) -> Sequence[Model]:
        ends = np.cumsum([array.size for array in first])[:-1]
        after = of_paper(steps)(flat(first), [flat(row) for row in rows])
        parts = [np.split(one[0], ends) for one in after]
        return [[p.reshape(a.shape) for p, a in zip(part, first, strict=True)] for part in parts]

    return run


def raw(gradients: Sequence[Array], b1: float, b2: float) -> Iterator[tuple[Array, Array]]:
    """Both of Adam's moments, as they are before their correction."""
    for t, (m, v) in enumerate(moments(gradients, b1, b2), 1):
        yield m * (1 - b1**t), v * (1 - b2**t)


def adai(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 2 of Xie et al., where v bar is the mean over all elements."""
    m, product = np.zeros_like(x), np.ones_like(x)
    for g, (_, v) in zip(gradients, moments(gradients, 0.0, 0.99), strict=True):
        b = np.clip(1 - 0.1 / v.mean() * v, 0, 0.999)
        m = b * m + (1 - b) * g
        product = product * b
        x = x - RATE * m / (1 - product)
        yield x


def avagrad(x: Array, gradients: Sequence[Array], epsilon: float = 0.1) -> Iterator[Array]:
    """Algorithm 2 of Savarese et al.: eta is made of the v of the step before."""
    v = np.zeros_like(x)
    for m, following in raw(gradients, 0.9, 0.999):
        eta = 1 / (np.sqrt(v) + epsilon)
        x = x - RATE * eta / np.linalg.norm(eta / np.sqrt(x.size)) * m
        v = following
        yield x


def bcosc(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """BCOS-c of Jiang and Xiao with its simple estimator, of the momentum before the step."""
    m, b = gradients[0], 0.9
    for g in gradients:
        v = (1 - (1 - b) ** 2) * m**2 + (1 - b) ** 2 * g**2
        m = b * m + (1 - b) * g
        x = x - RATE * m / (np.sqrt(v) + 1e-6)
        yield x


def adatam(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """AdaTAM of Malviya et al.: s is the mean of one cosine for each tensor."""
    m, s = np.zeros_like(x), 0.0
    for g, (_, v) in zip(gradients, raw(gradients, 0.9, 0.999), strict=True):
        lengths = np.linalg.norm(m) * np.linalg.norm(g)
        s = 0.9 * s + 0.1 * (np.sum(m * g) / lengths if lengths else 0.0)
        m = 0.9 * m + (1e-8 + (1 + s) / 2) * g
        x = x - RATE * m / (np.sqrt(v) + 1e-8)
        yield x


def adax(x: Array, gradients: Sequence[Array], b: float = 1e-4) -> Iterator[Array]:
    """Algorithm 2 of Li et al., with v as the sum of squares times powers of 1 + b."""
    for t, (m, _) in enumerate(raw(gradients, 0.9, 0.0), 1):
        v = sum(b * (1 + b) ** (t - k) * g**2 for k, g in enumerate(gradients[:t], 1))
        x = x - RATE * m / (np.sqrt(v / ((1 + b) ** t - 1)) + 1e-8)
        yield x


def adamnc(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 3 of Reddi et al. with 1 - 1/t for beta 2."""
    for t, (m, _) in enumerate(raw(gradients, 0.9, 0.0), 1):
        v = np.mean(np.square(gradients[:t]), axis=0)
        x = x - RATE / np.sqrt(t) * m / (np.sqrt(v) + 1e-8)
        yield x


def nosadam(x: Array, gradients: Sequence[Array], gamma: float = 0.1) -> Iterator[Array]:
    """Algorithm 2 of Huang et al. with b of k to the power of -gamma."""
    for t, (m, _) in enumerate(raw(gradients, 0.9, 0.0), 1):
        b = np.arange(1.0, t + 1) ** -gamma
        v = np.average(np.square(gradients[:t]), axis=0, weights=b)
        x = x - RATE * m / (np.sqrt(v) + 1e-8)
        yield x


def sadam(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Wang et al., where V is divided by, not its root."""
    v = np.zeros_like(x)
    for t, (g, (m, _)) in enumerate(zip(gradients, raw(gradients, 0.9, 0.0), strict=True), 1):
        v = (1 - 0.9 / t) * v + 0.9 / t * g**2
        x = x - RATE / t * m / (v + 0.01 / t)
        yield x


def scadagrad(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 2 of Mukkamala and Hein, with their decaying delta."""
    for t, g in enumerate(gradients, 1):
        v = np.sum(np.square(gradients[:t]), axis=0)
        x = x - RATE * g / (v + 0.1 * np.exp(-0.1 * v))
        yield x


def scrmsprop(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 5 of Mukkamala and Hein, with their decaying delta."""
    v = np.zeros_like(x)
    for t, g in enumerate(gradients, 1):
        v = (1 - 0.9 / t) * v + 0.9 / t * g**2
        x = x - RATE / t * g / (v + 0.1 * np.exp(-0.1 * t * v) / t)
        yield x


def optimisticadam(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Daskalakis et al., whose moments are 0 before the first step."""
    before = np.zeros_like(x)
    for m, v in moments(gradients, 0.9, 0.999):
        now = m / (np.sqrt(v) + 1e-8)
        x = x - 2 * RATE * now + RATE * before
        before = now
        yield x


def adamomentum(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 2 of Wang et al., with an epsilon that counts."""
    v = np.zeros_like(x)
    for t, (m, _) in enumerate(raw(gradients, 0.9, 0.0), 1):
        v = 0.999 * v + 0.001 * m**2 + 0.001
        x = x - RATE * m / (1 - 0.9**t) / np.sqrt(v / (1 - 0.999**t))
        yield x


def kourkoutas(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Kassinos's rule with a layer for each tensor, and the correction for the largest beta."""
    v, norms = np.zeros_like(x), 0.0
    for t, (g, (m, _)) in enumerate(zip(gradients, moments(gradients, 0.9, 0.0), strict=True), 1):
        norms = 0.93 * norms + 0.07 * float(np.linalg.norm(g))
        spike = np.linalg.norm(g) / (norms + 1e-8)
        b = 0.999 - (0.999 - 0.88) * spike / (1 + spike) if t > 3 else (0.999 + 0.88) / 2
        v = b * v + (1 - b) * g**2
        x = x - RATE * m / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        yield x


def adamwin(x: Array, gradients: Sequence[Array], decay: float = 0.1) -> Iterator[Array]:
    """Algorithm 1 of Zhou et al. with the direction of Adam, and twice the rate for y."""
    y, slow, fast = x, RATE, 2 * RATE
    for m, v in moments(gradients, 0.9, 0.999):
        u = m / (np.sqrt(v) + 1e-8)
        x = (x - slow * u) / (1 + decay * slow)
        tau = 1 / (slow + fast + decay * slow * fast)
        y = slow * tau * (y - fast * u) + fast * tau * x
        yield y


def adagradda(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """The primal-dual update of Duchi et al.: each element where its sum of losses is least.

    That of ``<u, x> + t*0.3*|x| + t*0.2/2*x**2 + sqrt(0.1 + s)/(2*RATE)*x**2``.
    """
    for t in range(1, len(gradients) + 1):
        u, s = np.sum(gradients[:t], axis=0), np.sum(np.square(gradients[:t]), axis=0)
        curve = t * 0.2 + np.sqrt(0.1 + s) / RATE
        x = np.where(np.abs(u) > 0.3 * t, -(u - 0.3 * t * np.sign(u)) / curve, 0.0)
        yield x


def ldog(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """L-DoG of Ivgi et al.: DoG of each layer by itself."""
    points, squares = [x], 0.0
    for t, g in enumerate(gradients):
        squares += np.sum(g**2)
        gone = max(np.linalg.norm(point - points[0]) for point in points)
        r = (
            max(gone, 0.01 * (1 + np.linalg.norm(points[0])))
            if t
            else 0.01 * (1 + np.linalg.norm(x))
        )
        x = x - r / np.sqrt(squares + 1e-8) * g
        points.append(x)
        yield x


#: With the numbers of `adagradda`.
PENALTIES = {"l1_regularization_strength": 0.3, "l2_regularization_strength": 0.2}
sharp_avagrad = partial(avagrad, epsilon=0.001)
