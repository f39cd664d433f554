"""CUDA: kernels that Numba compiles, for the memory of devices."""

from __future__ import annotations

from optgen.compiler.emit.target import FUNCTION_NAMES, Naming, Target
from optgen.compiler.emit.targets.cuda.printer import CudaPrinter
from optgen.compiler.emit.targets.cuda.tiles import TilePrinter
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.randomness import DRAWS

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
            *("access", "across", "apart", "base", "begin", "begins", "column_parts"),
            *("column_place", "column_results", "columns", "give", "height", "held", "inf"),
            *("formats", "here", "left", "line", "matrices", "matrix_index", "of_tensor", "offset"),
            *(
                "origin",
                "own",
                "place",
                "position",
                *DRAWS,
                "places",
                "program",
                "room",
                "row_parts",
                "row_place",
            ),
            *("row_places", "row_results", "scattered", "size", "step", "steps", "stretch"),
            *("stride", "strips", "take", "thread", "tile", "tiles", "width"),
            *FUNCTION_NAMES,
            *CudaPrinter.support,
        ]
    )
    finishes = True
    endings = ("_start", "_lines", "_total", "_vector")
    attributes = frozenset(
        [
            *("cuda.local", "cuda.local.array", "cuda.shared", "cuda.shared.array"),
            "cuda.syncthreads",
            "formats.real",
            *(f"cuda.{place}" for place in _PLACES),
            *(f"cuda.{place}.x" for place in _PLACES),
        ]
    )
    packages = frozenset({"math", "numba", "optgen", "features"})
    effects = frozenset(
        [
            *("load", "store", "add", "add_square", "clear", "leave", "fold", "fold_members"),
            *("finish", "feature_scalars", "take", "give", "leave_number", "leave_row"),
            "cuda.syncthreads",
        ]
    )

    def printer(self, plan: Plan, naming: Naming) -> CudaPrinter:
        """What prints the statements of a plan."""
        return TilePrinter(plan, naming)


TARGET = Cuda()
