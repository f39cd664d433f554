"""Errors of codes of states along the gradients of a real run: `python benchmarks/codes.py`.

A network for the digits of scikit-learn is trained with float32 states. A second Adam, whose mean
and mean square are rounded to codes after each step, gets the same gradients. What differs
between both is the error of the codes. `losses` as argument trains with codes instead.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits

Array = np.ndarray[Any, np.dtype[Any]]
Round = Callable[[Array], Array]
BLOCK, STEPS, BATCH, SMALL = 64, 1200, 64, 1024
RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-7
DRAW = np.random.default_rng(0)


def power(count: int, exponent: float) -> Array:
    """Levels that are powers of evenly spaced numbers."""
    return np.asarray((np.arange(count + 1) / count) ** exponent)


def telephone(exponent: int, fraction: int) -> Array:
    """Levels that are numbers of some bits of exponent and fraction, less one."""
    steps = 1 + np.arange(2**fraction) / 2**fraction
    found = (2.0 ** np.arange(2**exponent)[:, None] * steps).reshape(-1) - 1
    return np.asarray(found / found[-1])


MEANS = {
    "linear": power(127, 1),
    "square": power(127, 2),
    **{f"e{e}m{m}": telephone(e, m) for e, m in ((2, 5), (3, 4), (4, 3))},
    "linear, 4 bits": power(7, 1),
    "square, 4 bits": power(7, 2),
    **{f"e{e}m{m}": telephone(e, m) for e, m in ((1, 2), (2, 1), (3, 0))},
}
SQUARES = {
    "linear": power(255, 1),
    "square": power(255, 2),
    "fourth": power(255, 4),
    **{f"ue{e}m{m}": telephone(e, m) for e, m in ((3, 5), (4, 4), (5, 3))},
    "square, 4 bits": power(15, 2),
    "fourth, 4 bits": power(15, 4),
    **{f"ue{e}m{m}": telephone(e, m) for e, m in ((1, 3), (2, 2), (3, 1))},
}


def rounding(levels: Array, *, dither: bool, positive: bool = False) -> Round:
    """Rounds to the levels of each block, in units of its largest magnitude."""

    def rounded(numbers: Array) -> Array:
        flat = np.pad(numbers.reshape(-1), (0, -numbers.size % BLOCK)).reshape(-1, BLOCK)
        most = np.abs(flat).max(1, keepdims=True)
        sizes = np.abs(flat) / np.where(most > 0, most, 1)
        above = np.searchsorted(levels, sizes).clip(1, len(levels) - 1)
        part = (sizes - levels[above - 1]) / (levels[above] - levels[above - 1])
        limit = DRAW.random(part.shape) if dither else 0.5
        chosen = np.where(part > limit, above, above - 1)
        if positive:
            chosen = np.where(sizes > 0, np.maximum(chosen, 1), 0)
        found = levels[chosen] * most * np.sign(flat)
        flat = found.reshape(-1)[: numbers.size]
        return np.asarray(flat.reshape(numbers.shape), np.float32)

    return rounded


class Adam:
    """Adam of one parameter."""

    def __init__(self, mean: Round, square: Round) -> None:
        self._mean, self._square = mean, square
        self.states: tuple[Array | float, Array | float] = (0.0, 0.0)

    def update(self, gradient: Array, step: int) -> Array:
        mean = BETA_1 * self.states[0] + (1 - BETA_1) * gradient
        square = BETA_2 * self.states[1] + (1 - BETA_2) * gradient * gradient
        self.states = self._mean(mean), self._square(square)
        size = RATE * np.sqrt(1 - BETA_2**step) / (1 - BETA_1**step)
        return np.asarray(size * mean / (np.sqrt(square) + EPSILON))


def training(seed: int, steps: int, update: Callable[[int, Array, int], Array]) -> Iterator[float]:
    """The loss over all digits, after training with updates of each parameter."""
    torch.manual_seed(seed)
    digits = load_digits()
    images = torch.tensor(digits.data / 16, dtype=torch.float32)
    labels = torch.tensor(digits.target)
    layers = [torch.nn.Linear(64, 128), torch.nn.Tanh(), torch.nn.Linear(128, 128)]
    net = torch.nn.Sequential(*layers, torch.nn.ReLU(), torch.nn.Linear(128, 10))
    params, draw = list(net.parameters()), torch.Generator().manual_seed(seed)
    for step in range(1, steps + 1):
        some = torch.randint(0, len(images), (BATCH,), generator=draw)
        loss = torch.nn.functional.cross_entropy(net(images[some]), labels[some])
        for number, one in enumerate(torch.autograd.grad(loss, params)):
            change = update(number, one.numpy(), step)
            with torch.no_grad():
                params[number].sub_(torch.from_numpy(change.astype(np.float32)))
    with torch.no_grad():
        yield float(torch.nn.functional.cross_entropy(net(images), labels))


def same(numbers: Array) -> Array:
    return numbers


def error(mean: Round, square: Round) -> float:
    """The mean relative error of the updates of the large parameters."""
    exact = [Adam(same, same) for _ in range(6)]
    coded = [Adam(mean, square) for _ in range(6)]
    errors = []

    def update(number: int, gradient: Array, step: int) -> Array:
        change = exact[number].update(gradient, step)
        if gradient.size >= SMALL:
            other = coded[number].update(gradient, step)
            if step % 50 == 0 and step >= STEPS // 6:
                errors.append(np.linalg.norm(other - change) / np.linalg.norm(change))
        return change

    list(training(0, STEPS, update))
    return float(np.mean(errors))


def losses(mean: Round, square: Round) -> list[float]:
    """The losses of three runs with codes."""
    found: list[float] = []
    for seed in range(3):
        every: dict[int, Adam] = {}

        def update(number: int, gradient: Array, step: int, every: Any = every) -> Array:
            rounds = (mean, square) if gradient.size >= SMALL else (same, same)
            change: Array = every.setdefault(number, Adam(*rounds)).update(gradient, step)
            return change

        found += training(seed, STEPS, update)
    return [round(one, 5) for one in found]


def main() -> None:
    torch.set_num_threads(1)
    if "losses" in sys.argv:
        print("float32", losses(same, same))
        for mean, square in (("e3m4", "ue4m4"), ("e4m3", "ue5m3"), ("e2m1", "ue3m1")):
            for dither in (False, True):
                own = rounding(MEANS[mean], dither=dither)
                its = rounding(SQUARES[square], dither=dither, positive=True)
                print(mean, square, "dither" if dither else "nearest", losses(own, its))
        return
    for title, table in (("mean", MEANS), ("mean square", SQUARES)):
        for name, levels in table.items():
            is_square = table is SQUARES
            found = []
            for dither in (False, True):
                one = rounding(levels, dither=dither, positive=is_square)
                found.append(error(same, one) if is_square else error(one, same))
            print(f"{title:12} {name:16} nearest {found[0]:.1%} dither {found[1]:.1%}", flush=True)


if __name__ == "__main__":
    main()
