"""Matrices as batches of blocks, whose sides are at most so long."""

from __future__ import annotations

from optgen.runtime.view import View, view_at, whole_places


def block_length(length: int, most: int) -> int:
    """The length of as few equal parts of a side as are at most so long; the side where it is.

    Raises ValueError where such parts would be less than half as long.
    """
    if length <= most:
        return length
    for count in range(-(-length // most), 2 * length // most + 1):
        if length % count == 0:
            return length // count
    raise ValueError(
        f"a side of {length} has no equal parts of {-(-most // 2)} to {most}; take blocks of "
        "another length for it by options, or exclude_from_matrix"
    )


def blocks_of(rows: int, columns: int, most: int) -> tuple[int, int]:
    """The rows and columns of each block of a matrix; of a whole one where there is no bound."""
    return (block_length(rows, most), block_length(columns, most)) if most else (rows, columns)


def in_blocks(view: View, most: int) -> View:
    """The same elements as a batch of blocks: those of a matrix row by row.

    Raises ValueError where they aren't of one form, or where a part of a matrix is elsewhere.
    """
    rows, columns = blocks_of(view.rows, view.columns, most)
    if (rows, columns) == (view.rows, view.columns):
        return view
    if view.lines is not None:
        raise ValueError("a variable of which other processes have parts has no blocks")
    of_rows, of_columns = whole_places(view)
    across = of_columns.reshape(-1, columns)
    firsts, own = across[:, 0], across[0] - across[0, 0]
    if (across != firsts[:, None] + own).any():
        raise ValueError("blocks of its columns aren't alike in memory; make it contiguous")
    down = of_rows.reshape(-1, 1, rows) + firsts[:, None]
    return view_at(len(down) * len(firsts), rows, columns, view.dims, down.reshape(-1), own)
