"""The folder of a run of tests, which all its processes share."""

from __future__ import annotations

#: The variable of the environment that names it.
RUN = "OPTGEN_TESTS_RUN"
