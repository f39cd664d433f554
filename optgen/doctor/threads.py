"""Threads of kernels and of BLAS."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from optgen.doctor.finding import Finding, Verdict, judged
from optgen.doctor.machine import usable_cores

#: Those that two Python threads may enter at once.
_SAFE = frozenset({"tbb", "omp"})
_OF_BLAS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


def examine() -> Iterator[Finding]:
    """How many threads kernels and BLAS have, and by which libraries."""
    numba, cores = import_module("numba"), usable_cores()
    yield of_kernels(numba.config.NUMBA_NUM_THREADS, cores)
    try:
        numba.get_num_threads()  # It loads the threading layer.
        yield layer(numba.threading_layer())
    except ValueError as error:
        advice = "unset NUMBA_THREADING_LAYER, or pip install tbb"
        yield Finding("threading layer", Verdict.FAULT, str(error).partition("\n")[0], advice)
    yield blas(import_module("numpy").show_config(mode="dicts"), os.environ, cores)


def of_kernels(threads: int, cores: int) -> Finding:
    """Whether Numba has as many threads as there are cores to run them."""
    found = f"{threads} for {cores} usable cores"
    if threads < cores:
        advice = f"unset NUMBA_NUM_THREADS, or set it to {cores}"
        return Finding("threads of kernels", Verdict.NOTE, found, advice)
    advice = f"threads wait for each other: set NUMBA_NUM_THREADS={cores}"
    return judged("threads of kernels", found, advice, good=threads == cores)


def layer(name: str) -> Finding:
    """What a threading layer of Numba allows."""
    advice = "steps of two Python threads wait for each other: pip install tbb"
    return judged("threading layer", name, advice, good=name in _SAFE, otherwise=Verdict.NOTE)


def blas(config: Mapping[str, Any], environment: Mapping[str, str], cores: int) -> Finding:
    """The BLAS of NumPy, by its configuration, and a limit on its threads."""
    built = config.get("Build Dependencies", {}).get("blas", {})
    found = " ".join(filter(None, (built.get("name"), built.get("version"))))
    if not built.get("found") or built.get("name") in ("", "none"):
        advice = "rules with matrices are slow: install NumPy's wheel, which contains OpenBLAS"
        return Finding("BLAS of NumPy", Verdict.SLOW, "none", advice)
    for variable in _OF_BLAS:
        limit = environment.get(variable, "")
        if limit.isdigit() and int(limit) < cores:
            advice = f"rules with matrices could use {cores} cores: unset {variable}"
            return Finding("BLAS of NumPy", Verdict.NOTE, f"{found}, {variable}={limit}", advice)
    return Finding("BLAS of NumPy", Verdict.OK, found)
