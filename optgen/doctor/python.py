"""The Python interpreter."""

from __future__ import annotations

import platform
import sys
import sysconfig

from optgen.doctor.finding import Finding, Verdict

#: The oldest and the newest version that optgen is declared for.
OLDEST, NEWEST = (3, 11), (3, 14)


def interpreter() -> Finding:
    """The interpreter that runs this."""
    free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    return judged_version(sys.version_info[:2], platform.python_implementation(), free=free)


def judged_version(version: tuple[int, ...], implementation: str, *, free: bool) -> Finding:
    """Whether optgen is made for an interpreter; ``free`` of the global interpreter lock or not."""
    found = f"{implementation} {'.'.join(map(str, version))}{', free-threaded' if free else ''}"
    if version < OLDEST:
        return Finding("Python", Verdict.FAULT, found, "install Python 3.11 or later")
    if implementation != "CPython" or free:
        advice = "use CPython with the global interpreter lock, for which kernels are tested"
        return Finding("Python", Verdict.NOTE, found, advice)
    if version > NEWEST:
        return Finding("Python", Verdict.NOTE, found, "newer than the versions optgen declares")
    return Finding("Python", Verdict.OK, found)
