"""Variants of Muon as their papers, or their authors' code, have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from unittest.mock import patch

import heavyball
import numpy as np
import torch

from tests.numeric import matrix_peers as peers
from tests.numeric.matrix_peers import JORDAN, OTHER_RATE, RATE, jordan
from tests.zoo.libraries import of_torch, timm_class
from tests.zoo.papers import mars
from tests.zoo.runs import Array, Run

#: Of the authors' code for Turbo-Muon, which leaves the first of five rounds out.
BOISSIN = (
    (3.9505, -6.3029, 2.6377),
    (3.7418, -5.5913, 2.3037),
    (2.8769, -3.1427, 1.2046),
    (2.8366, -3.0525, 1.2012),
)


def scale(x: Array) -> float:
    """Jordan's factor of the learning rate."""
    return float(np.sqrt(max(1, len(x) ** 2 / x.size)))


def turbo(x: Array) -> Array:
    """Algorithm 2 of Boissin et al.: rows of the shorter side over roots of absolute sums."""
    flat = x.reshape(len(x), -1)
    is_tall = flat.shape[0] > flat.shape[1]
    flat = flat.T if is_tall else flat
    sums = np.abs(flat @ flat.T).sum(axis=1, keepdims=True)
    u, s, v = np.linalg.svd(flat / np.sqrt(sums), full_matrices=False)
    for a, b, c in BOISSIN:
        s = a * s + b * s**3 + c * s**5
    made = (u * s) @ v
    return np.asarray((made.T if is_tall else made).reshape(x.shape))


def turbo_muon(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Jordan's rule with that function."""
    m = np.zeros_like(x)
    for g in gradients:
        m = 0.95 * m + 0.05 * g
        x = x - RATE * scale(x) * turbo(0.95 * m + 0.05 * g)
        yield x


def muon_la_prop(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """LaProp, whose mean is made orthogonal where it is a matrix's."""
    m, v = np.zeros_like(x), np.zeros_like(x)
    for t, g in enumerate(gradients, 1):
        v = 0.99 * v + 0.01 * g**2
        m = 0.9 * m + 0.1 * g / np.sqrt(v / (1 - 0.99**t))
        is_matrix = x.ndim > 1
        x = x - (RATE * scale(x) * jordan(m) if is_matrix else OTHER_RATE * m / (1 - 0.9**t))
        yield x


def mars_m(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
    """Liu et al., MARS-M, in its approximate form; MARS of others."""
    if x.ndim < 2:
        yield from mars(x, gradients)
        return
    m = np.zeros_like(x)
    for g, before in zip(gradients, [np.zeros_like(x), *gradients], strict=False):
        c = g + 0.025 * 0.95 / 0.05 * (g - before)
        m = 0.95 * m + 0.05 * c / max(1.0, np.sqrt(np.sum(c**2)))
        x = x - RATE * 0.2 * np.sqrt(max(len(x), x.size // len(x))) * jordan(m)
        yield x


def heavyball_s() -> Run:
    """HeavyBall's MuonLaProp with Jordan's numbers."""
    chosen = {"betas": (0.9, 0.99), "storage_dtype": "float64", "multi_tensor": False}
    run = of_torch(heavyball.MuonLaProp, lr=RATE, **chosen)
    legacy = heavyball.utils.legacy_zeropower_via_newtonschulz5
    return peers.within(run, lambda: peers.not_compiled(zeropower_via_newtonschulz5=legacy))


def timm_s(**arguments: Any) -> Run:
    """The AdaMuon of timm, in which matrices are bfloat16 otherwise."""
    make = timm_class("muon", "Muon")
    chosen = {"lr": RATE, "algo": "adamuon", "betas": (0.9, 0.95), "momentum": 0.95}
    run = of_torch(make, **chosen, eps=1e-14, ns_coefficients=[*JORDAN], **arguments)
    function = make.step.__wrapped__.__globals__["zeropower_via_newtonschulz"]
    defaults = tuple(
        torch.float64 if one is torch.bfloat16 else one for one in function.__defaults__
    )
    return peers.within(run, lambda: patch.object(function, "__defaults__", defaults))
