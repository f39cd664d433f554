"""Relatives of Adam as their papers, or their authors' code, have them, in NumPy.

As in `papers.py`: the parameter after each step, times are counted from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tests.zoo.papers import RATE, moments
from tests.zoo.runs import Array, Model

Path = Iterator[Array]


def amsgrad(x: Array, gradients: Sequence[Array]) -> Path:
    """Algorithm 2 of Reddi, Kale and Kumar: nothing is corrected."""
    largest = np.zeros_like(x)
    for t, (m, v) in enumerate(moments(gradients, 0.9, 0.999), 1):
        largest = np.maximum(largest, v * (1 - 0.999**t))
        x = x - RATE * m * (1 - 0.9**t) / (np.sqrt(largest) + 1e-8)
        yield x


def adamd(x: Array, gradients: Sequence[Array]) -> Path:
    """St John's equation: the mean gradient keeps its start at 0."""
    for t, (m, v) in enumerate(moments(gradients, 0.9, 0.999), 1):
        x = x - RATE * (1 - 0.9**t) * m / (np.sqrt(v) + 1e-8)
        yield x


def nadamax(x: Array, gradients: Sequence[Array]) -> Path:
    """Dozat's mean of a constant momentum over Kingma and Ba's maximum, which is written out."""
    means = moments(gradients, 0.9, 0.999)
    for t, (g, (m, _)) in enumerate(zip(gradients, means, strict=True), 1):
        past = [0.999 ** (t - 1 - k) * np.abs(gradients[k]) for k in range(t)]
        ahead = 0.9 * m * (1 - 0.9**t) / (1 - 0.9 ** (t + 1)) + 0.1 * g / (1 - 0.9**t)
        x = x - RATE * ahead / (np.max(past, axis=0) + 1e-8)
        yield x


def fastadabelief(x: Array, gradients: Sequence[Array]) -> Path:
    """Algorithm 1 of Zhou et al. with beta_2 = 1 - 0.9/t and delta = 0.01."""
    m, s = np.zeros_like(x), np.zeros_like(x)
    for t, g in enumerate(gradients, 1):
        m = 0.9 * m + 0.1 * g
        b2 = 1 - 0.9 / t
        s = b2 * s + (1 - b2) * (g - m) ** 2
        x = x - RATE * m / (t * s + 0.01)
        yield x


def simplifiedademamix(x: Array, gradients: Sequence[Array], alpha: float = 0.5) -> Path:
    """Algorithm 1 of Morwani et al.: the momentum is a sum."""
    m = np.zeros_like(x)
    for g, (_, v) in zip(gradients, moments(gradients, 0.9, 0.95), strict=True):
        m = 0.99 * m + g
        x = x - RATE * (m + alpha * g) / (np.sqrt(v) + 1e-8)
        yield x


def acprop(x: Array, gradients: Sequence[Array]) -> Path:
    """Algorithm 2 of Zhuang et al. with corrections, and a first divisor of 1."""
    s, m, root = np.zeros_like(x), np.zeros_like(x), np.ones_like(x)
    for t, g in enumerate(gradients, 1):
        m = 0.9 * m + 0.1 * g
        x = x - RATE * g / (root + 1e-16)
        s = 0.999 * s + 0.001 * (g - m) ** 2 + 1e-16
        root = np.sqrt(s / (1 - 0.999**t))
        yield x


def adaderivative(x: Array, gradients: Sequence[Array]) -> Path:
    """Adam's mean over the root of the mean square of differences, the first from 0."""
    differences = [after - before for before, after in pairwise([np.zeros_like(x), *gradients])]
    means, squares = moments(gradients, 0.9, 0.999), moments(differences, 0.9, 0.999)
    for (m, _), (_, v) in zip(means, squares, strict=True):
        x = x - RATE * m / (np.sqrt(v) + 1e-8)
        yield x


def tadam(x: Array, gradients: Sequence[Array]) -> Path:
    """Algorithm 1 of Ilboudo et al. with as many degrees of freedom as elements."""
    d, m, v, total = x.size, np.zeros_like(x), np.zeros_like(x), 0.9 / (1 - 0.9)
    for t, g in enumerate(gradients, 1):
        w = (d + d) / (d + np.sum((g - m) ** 2 / (v + 1e-8)))
        m = total / (total + w) * m + w / (total + w) * g
        total = (2 * 0.9 - 1) / 0.9 * total + w
        v = 0.999 * v + 0.001 * g**2
        x = x - RATE * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        yield x


def momentumnormalizedadam(x: Array, gradients: Sequence[Array]) -> Path:
    """Algorithm 1 of Zhang et al.: what is divided by knows the momentum of before."""
    before = np.zeros_like(x)
    for g in gradients:
        m = 0.9 * before + 0.1 * g
        x = x - RATE * m / (np.sqrt(0.95 * before**2 + 0.05 * g**2) + 1e-8)
        before = m
        yield x


def eadam(x: Array, gradients: Sequence[Array], epsilon: float = 1e-4) -> Path:
    """Algorithm 2 of Yuan and Gao: epsilons add up to a mean of their own."""
    for t, (m, v) in enumerate(moments(gradients, 0.9, 0.999), 1):
        total = epsilon * sum(0.999**k for k in range(t)) / (1 - 0.999**t)
        x = x - RATE * m / np.sqrt(v + total)
        yield x


def cadam(x: Array, gradients: Sequence[Array]) -> Path:
    """Algorithm 1 of Wang et al., without the largest mean square."""
    for g, (m, v) in zip(gradients, moments(gradients, 0.9, 0.999), strict=True):
        x = x - RATE * np.where(m * g > 0, m, 0.0) / (np.sqrt(v) + 1e-8)
        yield x


def mirrormadgrad(x: Array, gradients: Sequence[Array]) -> Path:
    """The authors' code, whose steps are counted from 0 there."""
    z, s = x, np.zeros_like(x)
    for k, g in enumerate(gradients):
        rate = RATE * (k + 1) ** 0.5
        s = s + rate * g**2
        z = z - rate * g / (np.cbrt(s) + 1e-6)
        x = 0.9 * x + 0.1 * z
        yield x


def smorms3(x: Array, gradients: Sequence[Array]) -> Path:
    """Funk's listing, line by line."""
    mem, g1, g2 = np.ones_like(x), np.zeros_like(x), np.zeros_like(x)
    for g in gradients:
        r = 1 / (mem + 1)
        g1 = (1 - r) * g1 + r * g
        g2 = (1 - r) * g2 + r * g**2
        step = np.minimum(RATE, g1 * g1 / (g2 + 1e-16)) / (np.sqrt(g2) + 1e-16)
        mem = 1 + mem * (1 - g1 * g1 / (g2 + 1e-16))
        x = x - g * step
        yield x


def adaminject(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 2 of Dubey et al. with k = 2."""
    path, injected = [x], []
    for t, (g, (_, v)) in enumerate(zip(gradients, moments(gradients, 0.9, 0.999), strict=True), 1):
        moved = path[-2] - path[-1] if t > 1 else 0
        injected.append((g + moved * g**2) / 2 if t > 1 else g)
        m = sum(0.1 * 0.9 ** (t - 1 - k) * one for k, one in enumerate(injected)) / (1 - 0.9**t)
        path.append(path[-1] - RATE * m / (np.sqrt(v) + 1e-8))
        yield path[-1]


def grokadamw(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Hartford's step for the first layer, whose epsilon counts nothing, without a signal."""
    slow = [
        sum(0.02 * 0.98 ** (t - k) * gradients[k] for k in range(t + 1))
        for t in range(len(gradients))
    ]
    amplified = [g + 2 * one for g, one in zip(gradients, slow, strict=True)]
    for m, v in moments(amplified, 0.9, 0.999):
        x = x - RATE * m / np.sqrt(v)
        yield x


def ranger21(first: Model, rows: Sequence[Model]) -> Sequence[Model]:
    """Algorithm 1 of Wright and Demeure with a decay of 0.1, without what are features here."""
    held, after = list(first), []
    centred = [[g - rows_of(g, np.mean) if g.ndim > 1 else g for g in row] for row in rows]
    v = largest = [np.zeros_like(x) for x in first]
    for t, row in enumerate(centred, 1):
        v = [0.999 * one + 0.001 * g**2 for one, g in zip(v, row, strict=True)]
        largest = [np.maximum(a, b) for a, b in zip(largest, v, strict=True)]
        every = np.concatenate([one.ravel() / (1 - 0.999**t) for one in largest])
        for k, x in enumerate(held):
            newest, before = (
                sum(0.19 * 0.81**j * centred[i][k] for j, i in enumerate(range(s, -1, -2)))
                for s in (t - 1, t - 2)
            )
            m = (1.9 * newest - 0.9 * before) / (1 - 0.9**t) / np.sqrt(1.9**2 + 0.9**2)
            step = m / np.sqrt(largest[k] / (1 - 0.999**t))
            toward = (1 - 1 / rows_of(x, np.linalg.norm)) * x / np.sqrt(every.mean())
            held[k] = x - RATE * (step + 0.1 * toward)
        after.append(list(held))
    return after


def rows_of(x: Array, reduced: Callable[[Array], Any]) -> Array:
    """A number for each row, or for a vector, which has the dimensions of the array."""
    every = [x] if x.ndim == 1 else x.reshape(len(x), -1)
    return np.reshape([reduced(one) for one in every], (-1,) + (1,) * (x.ndim - 1))
