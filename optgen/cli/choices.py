"""The choices of command-line options."""

from __future__ import annotations

from enum import StrEnum

import typer

from optgen.compiler.ir.reserved import TARGETS


class Stage(StrEnum):
    """What to show: a noun of the compiler."""

    SPEC = "spec"
    RULE = "rule"
    PLAN = "plan"
    SOURCE = "source"


class Format(StrEnum):
    """How an explanation is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    LATEX = "latex"
    HTML = "html"


#: The file that is a class, and no kernels of a target.
CLASS = "class"


def targets() -> list[str]:
    """Which files there are to show at stage ``source``: one for each folder of a target."""
    return [*TARGETS, CLASS]


def known_target(name: str) -> str:
    """The name of one of them. Raises BadParameter for another."""
    if name not in targets():
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(targets())}")
    return name
