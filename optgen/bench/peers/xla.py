"""JAX on the CPU: arrays of its own memory, and its number of threads."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from optgen.bench.peers.interface import Arrays

#: The variable that XLA reads for the size of its pool of threads, once per process.
_THREADS = "NPROC"


def limit_threads(threads: int) -> None:
    """Let XLA start this number of threads, if nothing has used JAX in this process yet."""
    os.environ[_THREADS] = str(threads)


def on_device(arrays: Arrays) -> list[Any]:
    """Copies that JAX owns, so that it may reuse their memory."""
    copied = import_module("jax").numpy.array
    return [copied(array) for array in arrays]


def on_host(arrays: Iterable[Any]) -> Arrays:
    """The same numbers for NumPy."""
    return [import_module("numpy").asarray(array) for array in arrays]
