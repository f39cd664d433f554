"""What comes before the first step is over: imports, compilation, and building the package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
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
import json, sys, time
import numpy as np
import optgen.optimizers as generated
name, arguments = sys.argv[1], json.loads(sys.argv[2])
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
            yield _said(_FIRST_STEP, name, json.dumps(arguments), NUMBA_CACHE_DIR=folder)


def build_seconds() -> float:
    """How long it takes to generate all built-in optimizers."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "optgen", "build", "--out", os.path.join(folder, "built")]
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        return time.perf_counter() - start


def _said(code: str, *arguments: str, **environment: str) -> float:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])
