"""CUDA: kernels that Numba compiles, for the memory of devices."""

from __future__ import annotations

from optgen.compiler.emit.target import FUNCTION_NAMES, Naming, Target, is_plain
from optgen.compiler.emit.targets.cuda.printer import CudaPrinter
from optgen.compiler.ir.plan import Plan

_PLACES = ("blockDim", "blockIdx", "gridDim", "threadIdx")


class Cuda(Target):
    """Kernels for NVIDIA's GPUs."""

    name = "cuda"
    title = "CUDA kernels"
    words = frozenset(
        [
            *("addresses", "aligned", "alone", "begins", "bits", "chunk", "chunks", "control"),
            *("count", "deferred", "factors", "feature_scalars", "features", "finish", "first"),
            *("host_scalars", "hyperparameters", "i", "k", "lanes", "members", "n_buffers"),
            *("n_factors", "n_scalars", "None", "number", "number_of_members", "number_of_runs"),
            *("partials", "range", "real", "row", "rows", "run_sums", "runs", "scalars", "shared"),
            *("sizes", "slot", "slots", "sums", "tensor", "threads", "ticket", "whole", "widths"),
            *FUNCTION_NAMES,
            *CudaPrinter.support,
        ]
    )
    finishes = True
    endings = ("_address", "_total")
    attributes = frozenset(
        [
            *("cuda.local", "cuda.local.array", "cuda.shared", "cuda.shared.array"),
            *(f"cuda.{place}" for place in _PLACES),
            *(f"cuda.{place}.x" for place in _PLACES),
        ]
    )
    packages = frozenset({"math", "numba", "optgen", "features"})
    effects = frozenset(
        [
            *("load", "store", "add", "add_square", "clear", "leave", "fold", "fold_members"),
            *("finish", "feature_scalars"),
        ]
    )

    def supports(self, plan: Plan) -> bool:
        """Whether the target has all that a plan needs."""
        return is_plain(plan)

    def printer(self, plan: Plan, naming: Naming) -> CudaPrinter:
        """What prints the statements of a plan."""
        return CudaPrinter(plan, naming)


TARGET = Cuda()
