"""Whether what is installed can be imported, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

from optgen.doctor.finding import Finding, Verdict, judged
from optgen.missing_packages import EXTRAS, what_to_install

#: The module that each extra is for; without an extra, the built optimizers.
_MODULES = {
    "": "optgen.optimizers",
    "torch": "optgen.torch",
    "keras": "optgen.keras",
    "jax": "optgen.optax",
    "compiler": "optgen.compiler.pipeline",
}
_PROGRAM = """
import importlib, json, sys, time
begun = time.perf_counter()
importlib.import_module(sys.argv[1])
took = time.perf_counter() - begun
layout = sys.modules.get("optgen.torch.object_layout")
print(json.dumps([took, None if layout is None else layout.places() is not None]))
"""
#: Seconds after which an import counts as hanging.
_SECONDS = 120.0


def examine() -> dict[str, list[Finding]]:
    """The imports of what is installed, by extra; "" for optgen without any."""
    return {
        extra: list(imported(module))
        for extra, module in _MODULES.items()
        if extra not in EXTRAS or not what_to_install("", extra)
    }


def failures(found: Mapping[str, Sequence[Finding]]) -> dict[str, Finding]:
    """The imports that failed, by extra."""
    firsts = ((extra, findings[0]) for extra, findings in found.items())
    return {extra: first for extra, first in firsts if first.verdict is Verdict.FAULT}


def imported(module: str, seconds: float = _SECONDS) -> Iterator[Finding]:
    """One import: its time or its error, and how it reads addresses of torch's tensors."""
    subject = f"import {module}"
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, module],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        advice = f"python -X importtime -c 'import {module}' shows where it stops"
        yield Finding(subject, Verdict.FAULT, f"no end within {seconds:g} s", advice)
        return
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"])[-1]
        advice = f"python -c 'import {module}' shows the whole error"
        yield Finding(subject, Verdict.FAULT, last, advice)
        return
    # Libraries may print before.
    took, is_direct = json.loads(done.stdout.strip().splitlines()[-1])
    yield Finding(subject, Verdict.OK, f"{took:.1f} s")
    if is_direct is not None:
        found = "in compiled code" if is_direct else "one by one, in Python"
        advice = "a step of thousands of tensors is slow: use a version of torch that is tested"
        yield judged("addresses of tensors", found, advice, good=is_direct)
