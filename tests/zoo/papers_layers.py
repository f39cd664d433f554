"""Rules of tensors, rows and matrices as their papers print them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tests.numeric.matrix_peers import amsel, jordan
from tests.zoo.papers import RATE, moments
from tests.zoo.runs import Array


def mean(gradients: Sequence[Array], b: float) -> Iterator[Array]:
    """The running mean of gradients, which begins with 0."""
    m = np.zeros_like(gradients[0])
    for g in gradients:
        m = b * m + (1 - b) * g
        yield m


def lans(x: Array, gradients: Sequence[Array], decay: float = 0.1) -> Iterator[Array]:
    """Algorithm 2 of Zheng et al., where phi changes nothing."""
    units = [g / np.linalg.norm(g) for g in gradients]
    for g, (m, v) in zip(units, moments(units, 0.9, 0.999), strict=True):
        r, c = (one / (np.sqrt(v) + 1e-6) + decay * x for one in (m, g))
        d = 0.9 * r / np.linalg.norm(r) + 0.1 * c / np.linalg.norm(c)
        x = x - RATE * np.linalg.norm(x) * d
        yield x


def adalayer(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Zhao et al. with a block for each tensor."""
    for m, v in moments(gradients, 0.9, 0.999):
        x = x - RATE * m / (np.sqrt(v.mean()) + 1e-8)
        yield x


def adam(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Adam with an epsilon that counts nothing."""
    for m, v in moments(gradients, 0.9, 0.999):
        x = x - RATE * m / np.sqrt(v)
        yield x


def scale(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Glentis et al. for the last layer, whose outputs are the first dimension."""
    if x.ndim < 2:
        yield from adam(x, gradients)
        return
    for m in mean(gradients, 0.8):
        x = x - RATE * np.stack([one / np.linalg.norm(one) for one in m])
        yield x


def hyperball(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """The hyperball of Wen et al. around Adam."""
    radius = np.linalg.norm(x)
    for m, v in moments(gradients, 0.9, 0.99):
        u = m / (np.sqrt(v) + 1e-8)
        if x.ndim < 2:
            x = x - RATE * u
        else:
            moved = x - RATE * radius * u / np.linalg.norm(u)
            x = radius * moved / np.linalg.norm(moved)
        yield x


def adago(x: Array, gradients: Sequence[Array], bound: float = 10.0) -> Iterator[Array]:
    """Algorithm 1 of Zhang et al. with the polynomials of Jordan et al. for the polar factor."""
    square = 1e-6
    for g, m in zip(gradients, mean(gradients, 0.95), strict=True):
        length = min(float(np.linalg.norm(g)), bound)
        square += length**2
        x = x - max(0.0005, RATE * length / np.sqrt(square)) * jordan(m)
        yield x


def polargrad(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Momentum-first PolarMuon of Lau et al., with the polynomials of Amsel et al."""
    for m in mean(gradients, 0.95):
        u = amsel(m)
        x = x - RATE * np.trace(u.reshape(len(u), -1).T @ m.reshape(len(m), -1)) * u
        yield x


def asgo(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of An et al. with running means, by eigenvalues, of matrices that are wide."""
    v = np.zeros((len(x), len(x)))
    for g, m in zip(gradients, mean(gradients, 0.9), strict=True):
        flat = g.reshape(len(g), -1)
        v = 0.8 * v + 0.2 * flat @ flat.T
        values, vectors = np.linalg.eigh(v + 1e-8 * np.eye(len(v)))
        root = vectors / np.sqrt(values) @ vectors.T
        x = x - RATE * (root @ m.reshape(len(m), -1)).reshape(x.shape)
        yield x


def racs(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithm 1 of Gong et al. with products of diagonal matrices, and a limit of 1.01."""
    s, q, phi = np.zeros(x[0].size), np.zeros(len(x)), 0.0
    for g in (one.reshape(len(x), -1) for one in gradients):
        newest = np.eye(len(q))
        for _ in range(5):
            of_columns = np.diag(np.diag(g.T @ newest @ g)) / np.sum(newest**2)
            newest = np.diag(np.diag(g @ of_columns @ g.T)) / np.sum(of_columns**2)
        s, q = 0.9 * s + 0.1 * np.diag(of_columns), 0.9 * q + 0.1 * np.diag(newest)
        scaled = np.diag(q**-0.5) @ g @ np.diag(s**-0.5)
        length = float(np.linalg.norm(scaled))
        eta = 1.01 / max(length / phi, 1.01) if phi else 1.0
        phi = eta * length
        x = x - RATE * 0.05 * eta * scaled.reshape(x.shape)
        yield x


def sinkgd(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Algorithms 3 and 4 of Scetbon et al. with five rounds."""
    for g in gradients:
        e = g.reshape(len(g), -1)
        for _ in range(5):
            e = np.stack([np.sqrt(e.shape[1]) * row / np.linalg.norm(row) for row in e])
            e = np.stack([np.sqrt(len(e)) * one / np.linalg.norm(one) for one in e.T], axis=1)
        x = x - RATE * 0.05 * e.reshape(x.shape)
        yield x
