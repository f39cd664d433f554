"""Steps on denormal states and on tiny gradients, beside ordinary ones.

Run it with ``python benchmarks/denormals.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from optgen.bench.timing import in_turns
from optgen.optimizers import SGD, Adadelta, Adam, RMSprop

SIZE, ROUNDS, SECONDS = 10_000_000, 15, 10.0


def seconds(optimizer: Any, gradient: float) -> float:
    """The median of steps with one gradient for all elements."""
    grads = [np.full(SIZE, gradient, np.float32)]
    return in_turns({"step": lambda: optimizer.apply(grads)}, ROUNDS, SECONDS)["step"].median


def main() -> None:
    """Print how many times as long steps take."""
    for optimizer in (SGD(momentum=0.9), RMSprop(), Adadelta(), Adam()):
        optimizer.build([np.ones(SIZE, np.float32)])
        ordinary, found = seconds(optimizer, 0.1), []
        for state, gradient in ((1e-39, 0.0), (0.0, 1e-21)):
            for array in optimizer.state["variable_0"].values():
                array[...] = state
            found.append(seconds(optimizer, gradient) / ordinary)
        name = type(optimizer).__name__
        print(f"{name:9} denormal state {found[0]:.2f}, tiny gradients {found[1]:.2f}")


if __name__ == "__main__":
    main()
