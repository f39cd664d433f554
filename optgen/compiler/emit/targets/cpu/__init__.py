"""The CPU target: Numba kernels that loop over arrays by address."""

from __future__ import annotations

from optgen.compiler.emit.target import FUNCTION_NAMES, Naming, Target
from optgen.compiler.emit.targets.cpu.printer import CpuPrinter
from optgen.compiler.ir.plan import Plan


class Cpu(Target):
    """Kernels for the host."""

    name = "cpu"
    title = "CPU kernels"
    words = frozenset(
        [
            *(
                "addresses",
                "chunk",
                "chunks",
                "count",
                "factors",
                "feature_scalars",
                "features",
                "first",
            ),
            *("host_scalars", "hyperparameters", "i", "k", "loop", "min", "mode", "None"),
            *("partial", "range", "real", "row", "rows", "scalars", "size", "sizes", "start"),
            *("sums", "tensor", *FUNCTION_NAMES, *CpuPrinter.support),
        ]
    )
    endings = ("_block",)
    attributes = frozenset({"chunks.shape", "hyperparameters.shape", "rows.shape"})
    packages = frozenset({"math", "numba", "optgen", "features"})
    effects = frozenset({"restore", "feature_scalars"})

    def printer(self, plan: Plan, naming: Naming) -> CpuPrinter:
        """What prints the statements of a plan."""
        return CpuPrinter(plan, naming)


TARGET = Cpu()
