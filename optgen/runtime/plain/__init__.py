"""The backend "numpy": generated kernels run by Python itself, where a debugger can stop."""

from __future__ import annotations

from optgen.runtime.plain.loading import in_numpy, kernel_file

__all__ = ["in_numpy", "kernel_file"]
