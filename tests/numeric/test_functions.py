"""A rule of hyperbolic tangents, angles and floors on the CPU, beside the same at 50 digits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import mpmath
import numpy as np
import pytest

from optgen.runtime.optimizer import Optimizer
from tests.built import built

mpf = mpmath.mpf
PUBLISHED = Path(__file__).parents[2] / "specs" / "published"
SPEC = """
name = "Turned"
[hyperparameters]
learning_rate = { default = 0.125 }
scale = { default = 0.75, range = "scale > 0" }
[state]
m = {}
v = {}
[update]
rule = '''
m = 0.5*m + 0.5*grad
v = 0.75*v + 0.25*grad**2
rate = learning_rate*(tanh(scale*step) + floor(step/2) + atan2(scale, step))
param = param - rate*tanh(scale*atan2(m, sqrt(v))) - 0.0625*floor(4*grad) + 0.125*sum(tanh(grad))
'''
"""
GRADIENTS = np.array([[0.3, -1.7, 0.0], [0.02, 5.5, -0.4], [1e-4, 2.25, -2.25], [-8.0, 0.7, 0.1]])


@cache
def package() -> Any:
    folder = Path(mkdtemp())
    (folder / "turned.toml").write_text(SPEC, encoding="utf-8")
    return built([folder / "turned.toml", PUBLISHED / "adamatan2.toml"], "turned_optimizers")


def turned(gradients: Any) -> Iterator[list[Any]]:
    w, m, v, rate, scale = [mpf(1)] * 3, [mpf(0)] * 3, [mpf(0)] * 3, mpf(0.125), mpf(0.75)
    for t, row in enumerate(gradients, start=1):
        g = [mpf(float(one)) for one in row]
        m = [(a + b) / 2 for a, b in zip(m, g, strict=True)]
        v = [(3 * a + b**2) / 4 for a, b in zip(v, g, strict=True)]
        own = rate * (mpmath.tanh(scale * t) + t // 2 + mpmath.atan2(scale, t))
        total = mpmath.fsum(map(mpmath.tanh, g)) / 8
        angles = [mpmath.atan2(a, mpmath.sqrt(b)) for a, b in zip(m, v, strict=True)]
        steps = [own * mpmath.tanh(scale * one) for one in angles]
        w = [a - b - mpmath.floor(4 * c) / 16 + total for a, b, c in zip(w, steps, g, strict=True)]
        yield w


def adam_atan2(gradients: Any) -> Iterator[list[Any]]:
    """Everett et al., 2024, arXiv:2407.05872, in the form of Adam's own paper."""
    w, m, v = [mpf(1)] * 3, [mpf(0)] * 3, [mpf(0)] * 3
    rate, beta_1, beta_2 = mpf(0.001), mpf(0.9), mpf(0.999)
    for t, row in enumerate(gradients, start=1):
        g = [mpf(float(one)) for one in row]
        m = [beta_1 * a + (1 - beta_1) * b for a, b in zip(m, g, strict=True)]
        v = [beta_2 * a + (1 - beta_2) * b**2 for a, b in zip(v, g, strict=True)]
        below = [mpmath.sqrt(one / (1 - beta_2**t)) for one in v]
        above = [one / (1 - beta_1**t) for one in m]
        steps = [rate * mpmath.atan2(a, b) for a, b in zip(above, below, strict=True)]
        w = [a - b for a, b in zip(w, steps, strict=True)]
        yield w


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "rule"), [("Turned", turned), ("AdamAtan2", adam_atan2)])
def test_steps_are_those_of_the_formulas(name: str, rule: Any, dtype: Any) -> None:
    weights, gradients = np.ones(3, dtype), GRADIENTS.astype(dtype)
    most = 16 * float(np.finfo(dtype).eps)
    optimizer: Optimizer = getattr(package(), name)()
    optimizer.build([weights])
    with mpmath.workdps(50):
        for row, exact in zip(gradients, rule(gradients), strict=True):
            optimizer.apply([row])
            wanted = [float(one) for one in exact]
            np.testing.assert_allclose(weights, wanted, most, most)
