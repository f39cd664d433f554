"""The arguments of ``optgen convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def convert(
    state: Annotated[
        Path, typer.Argument(help="A file of torch, of arrays (.npz), or of an optimizer here.")
    ],
    to: Annotated[str, typer.Option(help="The library: torch, timm, keras, optgen, …")],
    source: Annotated[
        str, typer.Option("--from", help="The library that the state is of, if the file hides it.")
    ] = "",
    rule: Annotated[str, typer.Option(help="The class there, or the rule here.")] = "",
    key: Annotated[
        str, typer.Option(help="Where the state is in a file of torch, such as 'optimizer'.")
    ] = "",
    options: Annotated[
        list[str] | None,
        typer.Option("--option", help="What the state doesn't hold, as name=value."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file to write.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Write nothing if anything has no counterpart.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Convert the state of an optimizer into that of another library."""
    from optgen.cli.commands import convert as convert_command

    wishes = convert_command.Wishes(state, to, source, rule, key, options or (), out, strict, force)
    raise typer.Exit(convert_command.convert(wishes))
