"""Processor, memory and operating system."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

from optgen.doctor.finding import Finding, Verdict, judged

_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
#: Vector instructions, the widest first: feature as LLVM calls it, name, and bits.
_VECTORS = (
    ("avx512f", "AVX-512", 512),
    ("avx2", "AVX2", 256),
    ("avx", "AVX", 256),
    ("sve", "SVE", 128),
    ("neon", "NEON", 128),
    ("sse2", "SSE2", 128),
)
_WIDE_ENOUGH = frozenset({"avx512f", "avx2", "sve", "neon"})


def processor_name() -> str:
    """The model of the processor, as the system calls it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def usable_cores() -> int:
    """The cores that this process may use: of its affinity, and of the quota of its container."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _quota()
    return cores if quota is None else max(1, min(cores, round(quota)))


def _quota() -> float | None:
    try:
        most, interval = _QUOTA.read_text(encoding="ascii").split()
        return int(most) / int(interval)
    except (OSError, ValueError):  # No container, or "max" for none.
        return None


def examine() -> Iterator[Finding]:
    """What the machine has that kernels can use."""
    cores = usable_cores()
    yield Finding("processor", Verdict.OK, f"{processor_name()}, {cores} usable cores")
    yield vectors(import_module("llvmlite.binding").get_host_cpu_features())
    yield _denormals()
    yield from _huge_pages()
    yield from _load(cores)


def vectors(features: Mapping[str, bool]) -> Finding:
    """The widest vectors of a processor with these features, by LLVM's names."""
    for feature, name, bits in _VECTORS:
        if features.get(feature):
            advice = (
                "kernels are written for AVX2, NEON or wider; this processor has narrower vectors"
            )
            found = f"{name}, {bits} bits at once"
            return judged("vectors", found, advice, good=feature in _WIDE_ENOUGH)
    return Finding("vectors", Verdict.NOTE, f"no known ones on {platform.machine()}")


def _denormals() -> Finding:
    known = import_module("optgen.runtime.cpu.denormals").can_flush()
    found = "flushed to zero in kernels" if known else f"kept on {platform.machine()}"
    advice = "arithmetic on numbers below 1e-38 is slow: use x86 or Arm"
    return judged("denormal numbers", found, advice, good=known)


def _huge_pages() -> Iterator[Finding]:
    try:
        choices = _HUGE_PAGES.read_text(encoding="ascii").split()
    except OSError:  # Not on Linux.
        return
    chosen = next((word.strip("[]") for word in choices if word.startswith("[")), "")
    advice = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, as the administrator"
    good, note = chosen in {"always", "madvise"}, Verdict.NOTE
    yield judged("huge pages", chosen or "unknown", advice, good=good, otherwise=note)


def _load(cores: int) -> Iterator[Finding]:
    if not hasattr(os, "getloadavg"):
        return
    load = os.getloadavg()[0]
    advice = "other programs use the cores now, and steps take longer"
    note = Verdict.NOTE
    yield judged("load", f"{load:.1f} of {cores} cores", advice, good=load <= cores, otherwise=note)
