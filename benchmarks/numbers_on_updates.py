"""What numbers on updates add to a step of Adam: 16 million elements, one thread."""

from __future__ import annotations

import time
from typing import Any

import numba
import numpy as np

import optgen

ELEMENTS, ROUNDS = 1 << 24, 25


def main() -> None:
    """Print the median time of a step without the feature, with it off, and with it on."""
    numba.set_num_threads(1)
    draw = np.random.default_rng(0)
    weights, gradient = (draw.normal(size=ELEMENTS).astype(np.float32) for _ in range(2))
    plain: Any = optgen.compile("adam")
    counted: Any = optgen.compile("adam", "update_statistics")
    optimizers = {"without": plain(), "off": counted(), "on": counted(statistics_every=1)}
    for one in optimizers.values():
        one.apply([gradient], [weights])
    times: dict[str, list[float]] = {name: [] for name in optimizers}
    for _ in range(ROUNDS):
        for name, one in optimizers.items():
            before = time.thread_time()
            one.apply([gradient])
            times[name].append(time.thread_time() - before)
    base = np.array(times["without"])
    for name, found in times.items():
        ratio = float(np.median(np.array(found) / base))
        print(f"{name:8} {1e3 * float(np.median(found)):6.2f} ms  {ratio:.3f}")


if __name__ == "__main__":
    main()
