"""What the commands share: two consoles, and how problems are printed."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from optgen.compiler.nouns.problem import Problem

#: Results go to the first, messages about them to the second.
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

#: Exit statuses.
FINE, WRONG, USAGE = 0, 1, 2

_COLOURS = {"error": "bold red", "warning": "bold yellow"}


def print_problems(problems: Iterable[Problem]) -> None:
    """Each problem with its line and caret, and their number at the end."""
    listed = list(problems)
    for problem in listed:
        head, *rest = str(problem).split("\n")
        line = Text(head)
        line.highlight_words([f"{problem.severity}:"], _COLOURS[problem.severity])
        err.print(line)
        for other in rest:
            err.print(Text(other))
    errors = sum(problem.severity == "error" for problem in listed)
    if errors:
        err.print(f"{errors} error{'s' if errors > 1 else ''}", style="bold red")


def complain(message: str) -> None:
    """A message about wrong usage."""
    err.print(Text.assemble(("error: ", "bold red"), message))


def warn(message: str) -> None:
    """A message about something odd that is no error."""
    err.print(Text.assemble(("warning: ", "bold yellow"), message))
