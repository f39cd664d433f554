"""Three gigabytes of parameters: the share of the floor that steps reach, and their peak memory.

The model is six times GPT-2 small, side by side; it takes 15 GB of memory. Run it on Linux with
``python benchmarks/large_model.py``.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from statistics import median
from typing import Any

import numba

from optgen.bench.cases import Case, cases, read
from optgen.bench.declarations import declarations
from optgen.bench.machine import in_place
from optgen.bench.models import Model, models

COPIES, STEPS, SPAN = 6, 5, 100_000_000


def resident(what: str) -> int:
    """Bytes of memory that the process has now (``VmRSS``), or had at most (``VmHWM``)."""
    said = re.search(rf"^{what}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert said is not None
    return 1024 * int(said[1])


def forget_peak() -> None:
    """Let the peak be what the process has now."""
    Path("/proc/self/clear_refs").write_text("5")


def measure(case: Case, model: Model, own: Any, moved: int) -> str:
    """What steps of a case take; ``own`` is a pass in place that moves so many bytes."""
    step = case.step(model)
    step()
    before = resident("VmRSS")
    forget_peak()
    step()
    peak = resident("VmHWM") - before
    taken: dict[Any, list[float]] = {step: [], own: []}
    for _ in range(STEPS):
        for function, seconds in taken.items():
            start = time.perf_counter()
            function()
            seconds.append(time.perf_counter() - start)
    floor = case.floor_bytes() * model.size * median(taken[own]) / moved
    share = floor / median(taken[step])
    label = f"{case.label}{', everything on' if case.full else ''}"
    return f"{label}: {median(taken[step]):.3f} s, {share:.0%} of the floor, {peak / 1024:.0f} KiB"


def main() -> None:
    """Print the figures of each case."""
    numba.set_num_threads(declarations().threads)
    one = models()["gpt2_small"]
    model = Model("six times GPT-2 small", one.shapes * COPIES)
    print(f"{len(model.shapes)} tensors, {4 * model.size / 1e9:.2f} GB of parameters")
    own, moved = in_place(SPAN)
    for case in cases(read(["sgd", "adam"])):
        print(measure(case, model, own, moved), flush=True)


if __name__ == "__main__":
    main()
