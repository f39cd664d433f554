"""Startup times: imports, the first step with and without cached kernels, and a build."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from optgen.bench.cases import Case

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
from importlib import import_module
generated = import_module(sys.argv[1])
name, arguments = sys.argv[2], json.loads(sys.argv[3])
variables = [np.ones(1_000_000, np.float32), np.ones(64, np.float32)]
start = time.perf_counter()
optimizer = getattr(generated, name)(**arguments)
optimizer.build(variables)
optimizer.apply([np.ones_like(array) for array in variables])
print(time.perf_counter() - start)
"""
_TRIES = 3


def import_seconds() -> float:
    """The additional time of an import of the optimizers, compared with NumPy alone."""
    return median(_said(_IMPORT) for _ in range(_TRIES))


def first_step_seconds(case: Case, folder: Path) -> Iterator[float]:
    """The times of the first step of a new process: without compiled code, and from the cache.

    ``folder`` contains the case's package if it isn't installed.
    """
    arguments = case.package, case.optimizer, json.dumps(case.arguments)
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    with tempfile.TemporaryDirectory() as cache:
        for _ in range(2):
            yield _said(_FIRST_STEP, *arguments, NUMBA_CACHE_DIR=cache, PYTHONPATH=path)


def build_seconds() -> float:
    """The time to generate all built-in optimizers."""
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
