"""The compilation of kernels, and the folders that keep what was compiled."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from optgen.compiled.user_folder import VARIABLE, user_folder
from optgen.doctor.finding import Finding, Verdict, judged

#: Settings of Numba that make kernels slower: name, is it harmless, what it does.
_SETTINGS = (
    ("DISABLE_JIT", lambda value: not value, "kernels run in the interpreter"),
    ("OPT", lambda value: int(value) >= 3, "LLVM optimizes less"),
    ("LOOP_VECTORIZE", bool, "loops handle one number at a time"),
    ("BOUNDSCHECK", lambda value: not value, "each access is checked"),
    ("DEBUGINFO_DEFAULT", lambda value: not value, "debug information keeps loops simple"),
    ("ENABLE_AVX", bool, "vectors have 128 bits"),
    ("CPU_NAME", lambda value: not value, "kernels aren't for this processor"),
    ("CPU_FEATURES", lambda value: not value, "kernels use chosen instructions only"),
    ("ENABLE_CUDASIM", lambda value: not value, "kernels for CUDA are simulated"),
)
#: The compiled forms of a rule have some megabytes.
_LEAST_SPACE = 100 << 20


def examine() -> Iterator[Finding]:
    """What affects compilation and its results."""
    config = import_module("numba").config
    yield from settings(config)
    svml = "loaded" if config.USING_SVML else "absent"
    found = f"optgen's own; Intel's SVML, which it doesn't need, is {svml}"
    yield Finding("vector functions", Verdict.OK, found)
    yield _headers()
    headers = import_module("optgen.runtime.cpu.headers")
    keeper = import_module("optgen.runtime.cpu.cache").cache_of(headers.first_odd.py_func)
    yield kept_kernels(keeper.cache_path)
    yield folder("cache of optgen.compile", user_folder(), VARIABLE)


def settings(config: Any) -> Iterator[Finding]:
    """Each setting of Numba that makes kernels slower."""
    slow = [
        Finding(
            f"NUMBA_{name}",
            Verdict.SLOW,
            f"{getattr(config, name)!r}: {what}",
            f"unset NUMBA_{name}",
        )
        for name, is_harmless, what in _SETTINGS
        if hasattr(config, name) and not is_harmless(getattr(config, name))
    ]
    yield from slow or [Finding("settings of Numba", Verdict.OK, "none that slows kernels")]


def _headers() -> Finding:
    known = import_module("optgen.runtime.cpu.headers").are_readable()
    found = "in compiled code" if known else "one by one, in Python"
    advice = "a step of thousands of arrays is slow: use CPython with a global interpreter lock"
    return judged("addresses of arrays", found, advice, good=known)


def kept_kernels(path: str | None) -> Finding:
    """Whether compiled kernels are kept; ``path`` is Numba's folder, None if it can't write."""
    if path is None:
        advice = "each process compiles again: set NUMBA_CACHE_DIR to a folder that can be written"
        return Finding("cache of kernels", Verdict.SLOW, "no folder can be written", advice)
    return folder("cache of kernels", Path(path), "NUMBA_CACHE_DIR")


def folder(subject: str, path: Path, variable: str) -> Finding:
    """Whether a folder can be made or written, and has some space; the variable moves it."""
    existing = next(one for one in (path, *path.parents) if one.exists())
    move = f"set {variable} to a folder that can be written, with space"
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Finding(subject, Verdict.SLOW, f"{path} can't be written", move)
    free = shutil.disk_usage(existing).free
    found = f"{path}, {free / 1e9:.1f} GB free"
    return judged(subject, found, move, good=free >= _LEAST_SPACE)
