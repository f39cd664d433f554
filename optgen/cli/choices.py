"""The choices of command-line options."""

from __future__ import annotations

from enum import StrEnum

import typer

from optgen.compiler.ir.reserved import TARGETS


class Stage(StrEnum):
    """The stage to show, named by a noun of the compiler."""

    SPEC = "spec"
    RULE = "rule"
    PLAN = "plan"
    SOURCE = "source"


class Format(StrEnum):
    """The format of an explanation."""

    TEXT = "text"
    MARKDOWN = "markdown"
    LATEX = "latex"
    HTML = "html"
    JSON = "json"


class ReportFormat(StrEnum):
    """The format of a report about a machine, or of a plan for many."""

    TEXT = "text"
    JSON = "json"


class Tried(StrEnum):
    """Where learning rates lie, as ``optgen.comparison.search.Method`` names it."""

    GRID = "grid"
    RANDOM = "random"


class Sharded(StrEnum):
    """The engines whose processes are planned for, as ``optgen.cluster.Kind`` names them."""

    DDP = "ddp"
    ZERO = "zero"
    FSDP = "fsdp"


#: The file with a class, without the kernels of a target.
CLASS = "class"


def targets() -> list[str]:
    """The files available at stage ``source``: one per folder of a target."""
    return [*TARGETS, CLASS]


def known_target(name: str) -> str:
    """The name of one of these files. Raises BadParameter for any other name."""
    if name not in targets():
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(targets())}")
    return name
