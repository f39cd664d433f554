"""The table of ``optgen bench --storage``."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.table import Table

from optgen.bench.storage import StorageFigure


def storage_table(title: str, figures: Sequence[StorageFigure]) -> Table:
    """Times, and bytes of a parameter: held by it, its gradient and states; moved by a step."""
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for name in ("ms", "float32 x", "held", "moved", "floor"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in figures:
        table.add_row(
            one.storage,
            f"{one.milliseconds:.3g}",
            f"{one.relative:.2f}",
            "" if one.held is None else f"{one.held:.4g}",
            "" if one.moved is None else f"{one.moved:.4g}",
            "" if one.share_of_floor is None else f"{one.share_of_floor:.0%}",
        )
    return table
