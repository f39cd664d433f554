"""Selection of the driver: the real one, or the simulator's."""

from __future__ import annotations

from optgen.runtime.cuda.jit import SIMULATED

if SIMULATED:
    from optgen.runtime.cuda import simulated_driver as driver
else:
    from optgen.runtime.cuda import driver  # type: ignore[no-redef]

__all__ = ["driver"]
