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

#: The consoles for results and for messages about them.
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

#: Exit statuses: an invalid spec, a command that can't be executed as written, and a compiler
#: error.
FINE, WRONG, USAGE, FAILED = 0, 1, 2, 3

#: If this environment variable is set, internal errors include their tracebacks.
TRACEBACK = "OPTGEN_TRACEBACK"

_COLOURS = {"error": "bold red", "warning": "bold yellow", INTERNAL: "bold red"}


def status_of(problems: Iterable[Problem]) -> int:
    """The exit status of a command that found a number of problems."""
    severities = {problem.severity for problem in problems}
    return FAILED if INTERNAL in severities else WRONG if "error" in severities else FINE


def print_problems(problems: Iterable[Problem]) -> int:
    """Print each problem with its line and caret, and then their number; returns the status."""
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
    """A decorator that converts unexpected exceptions into an internal error and an exit status."""

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
    """Print an error message about usage."""
    err.print(Text.assemble(("error: ", "bold red"), message))


def warn(message: str) -> None:
    """Print a warning."""
    err.print(Text.assemble(("warning: ", "bold yellow"), message))
