"""The arguments of ``optgen list``."""

from __future__ import annotations

from typing import Annotated

import typer


def list_specs(
    patterns: Annotated[
        list[str] | None, typer.Option("--filter", help="A pattern for names, such as 'ada*'.")
    ] = None,
    family: Annotated[
        str, typer.Option(help="Optimizers of one family, a folder of their specs.")
    ] = "",
    memory: Annotated[
        int | None,
        typer.Option(min=0, help="Optimizers with at most so many states for each parameter."),
    ] = None,
    with_aliases: Annotated[
        bool, typer.Option("--aliases", help="Add the names that other libraries have.")
    ] = False,
) -> None:
    """List the built-in optimizers, features and schedules."""
    from optgen.cli.commands import list as list_command

    wishes = list_command.Wishes(patterns or [], family, memory, with_aliases)
    raise typer.Exit(list_command.list_specs(wishes))
