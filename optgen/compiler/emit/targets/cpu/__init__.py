"""The CPU target: Numba kernels that loop over arrays by address."""

from __future__ import annotations

from optgen.compiler.emit.target import FUNCTION_NAMES, Naming, Target
from optgen.compiler.emit.targets.cpu.printer import CpuPrinter
from optgen.compiler.emit.targets.cpu.tiles import TilePrinter
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.randomness import DRAWS

_TABLES = ("chunks", "hyperparameters", "rows", "tensors", "tiles")


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
            *(
                "at",
                "base",
                "begin",
                "column_count",
                "column_parts",
                "column_place",
                "fold_columns",
            ),
            *("column_places", "fold_numbers", "fold_rows", "height", "inf", "int64", "itemsize"),
            *("left", "line", "matrix_index", "offset", "place", "reach", "row_parts", "row_place"),
            *("formats", "here", "origin", "position", "whole_columns", "whole_rows", *DRAWS),
            *("ahead", "first_matrix", "length", "streams"),
            *("row_places", "scattered", "stretch", "tensors", "tile", "tiles", "view", "width"),
            *("sums", "tensor", *FUNCTION_NAMES, *CpuPrinter.support),
        ]
    )
    endings = ("_block", "_parts", "_rough", "_vector")
    attributes = frozenset({"formats.real", *(f"{table}.shape" for table in _TABLES)})
    packages = frozenset({"math", "numba", "optgen", "features"})
    effects = frozenset(
        {
            "encode",
            "restore",
            "store",
            "feature_scalars",
            "fold_columns",
            "fold_numbers",
            "fold_rows",
        }
    )

    def printer(self, plan: Plan, naming: Naming) -> CpuPrinter:
        """What prints the statements of a plan."""
        return TilePrinter(plan, naming)


TARGET = Cpu()
