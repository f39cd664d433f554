"""Numbers as a table in the terminal that each write renews."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from optgen.writing.numbers import Numbers, needed


class Terminal:
    """A table with a line for each variable or group; use it in a ``with``.

    ``console`` is a console of Rich. Where it is no terminal, the last table is printed at the end.
    Raises ImportError, which says what to install.
    """

    def __init__(self, console: Any = None) -> None:
        needed("rich", "rich")
        self._live = needed("rich.live", "rich").Live(console=console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def write(self, numbers: Numbers, step: int) -> None:
        """Show what ``statistics`` returned, as of a step."""
        self._live.update(table(numbers, step), refresh=True)


def table(numbers: Numbers, step: int) -> Any:
    """A table of Rich."""
    made = needed("rich.table", "rich").Table(title=f"step {step}")
    titles = list(dict.fromkeys(name for own in numbers.values() for name in own))
    made.add_column("", overflow="fold")
    for title in titles:
        made.add_column(title.replace("_", " "), justify="right")
    for path, own in numbers.items():
        made.add_row(path, *(f"{own[title]:.3g}" if title in own else "" for title in titles))
    return made
