"""What comes before the first step is over: imports, compilation, and building the package."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from statistics import median

_IMPORT = """
import time
import numpy
start = time.perf_counter()
import optgen.optimizers
print(time.perf_counter() - start)
"""
_FIRST_STEP = """
import sys, time
import numpy as np
import optgen.optimizers as generated
name, arguments = sys.argv[1], eval(sys.argv[2])
variables = [np.ones(1_000_000, np.float32), np.ones(64, np.float32)]
start = time.perf_counter()
optimizer = getattr(generated, name)(**arguments)
optimizer.build(variables)
optimizer.apply([np.ones_like(array) for array in variables])
print(time.perf_counter() - start)
"""
_TRIES = 3


def import_seconds() -> float:
    """How much longer an import of the optimizers takes than NumPy's own."""
    return median(_said(_IMPORT) for _ in range(_TRIES))


def first_step_seconds(name: str, arguments: dict[str, object]) -> Iterator[float]:
    """The first step of a fresh process: with nothing compiled before, and from the cache."""
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            yield _said(_FIRST_STEP, name, repr(arguments), NUMBA_CACHE_DIR=folder)


def build_seconds() -> float:
    """How long it takes to generate all built-in optimizers."""
    code = "import sys; from optgen.cli import app; app(sys.argv[1:])"
    timed = (
        f"import time; start = time.perf_counter()\ntry:\n    exec({code!r})\nexcept SystemExit:"
    )
    timed += "\n    print('', time.perf_counter() - start, sep=chr(10))"
    with tempfile.TemporaryDirectory() as folder:
        return _said(timed, "build", "--out", os.path.join(folder, "built"))


def _said(code: str, *arguments: str, **environment: str) -> float:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])
