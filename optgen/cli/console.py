"""Consoles, exit statuses and printing of problems, for all commands."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import wraps
from typing import ParamSpec

from rich.console import Console
from rich.text import Text

from optgen.compiler.ir.problem import INTERNAL, Location, Problem

P = ParamSpec("P")

#: Results go to the first, messages about them to the second.
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

#: Exit statuses: of a spec that is wrong, of a command that can't be carried out as it is written,
#: and of a mistake in the compiler.
FINE, WRONG, USAGE, FAILED = 0, 1, 2, 3

#: Where this variable of the environment is set, internal errors come with their tracebacks.
TRACEBACK = "OPTGEN_TRACEBACK"

_COLOURS = {"error": "bold red", "warning": "bold yellow", INTERNAL: "bold red"}


def status_of(problems: Iterable[Problem]) -> int:
    """The exit status of a command that found some problems."""
    severities = {problem.severity for problem in problems}
    return FAILED if INTERNAL in severities else WRONG if "error" in severities else FINE


def print_problems(problems: Iterable[Problem]) -> int:
    """Each problem with its line and caret, and their number at the end; returns the status."""
    listed = list(problems)
    for problem in listed:
        head, *rest = str(problem).split("\n")
        line = Text(head)
        line.highlight_words([f"{problem.severity}:"], _COLOURS[problem.severity])
        err.print(line)
        for other in rest:
            err.print(Text(other))
        if problem.traceback and os.environ.get(TRACEBACK):
            err.print(Text(problem.traceback))
    if any(problem.traceback for problem in listed) and not os.environ.get(TRACEBACK):
        err.print(Text(f"{TRACEBACK}=1 in the environment shows where internal errors come from"))
    errors = sum(problem.severity in ("error", INTERNAL) for problem in listed)
    if errors:
        err.print(f"{errors} error{'s' if errors > 1 else ''}", style="bold red")
    return status_of(listed)


def ends_well(command: str) -> Callable[[Callable[P, int]], Callable[P, int]]:
    """A decorator: what nothing expects to be raised becomes an internal error, and the status."""

    def decorate(run: Callable[P, int]) -> Callable[P, int]:
        @wraps(run)
        def carried_out(*arguments: P.args, **named: P.kwargs) -> int:
            try:
                return run(*arguments, **named)
            except Exception as error:
                return print_problems([Problem.of_failure(error, Location(command, 0))])

        return carried_out

    return decorate


def complain(message: str) -> None:
    """A message about wrong usage."""
    err.print(Text.assemble(("error: ", "bold red"), message))


def warn(message: str) -> None:
    """A message about something odd that is no error."""
    err.print(Text.assemble(("warning: ", "bold yellow"), message))
