"""The options of ``optgen eject`` and ``optgen import``, which import what they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from optgen.cli.completion import complete_optimizer, complete_spec


def eject(
    spec: Annotated[
        str,
        typer.Argument(
            help="A spec file, or the name of a built-in spec.", autocompletion=complete_spec
        ),
    ],
    features: Annotated[
        list[str] | None,
        typer.Option(help="More features, with commas; none leaves out the usual ones."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file; printed if not given.")] = None,
) -> None:
    """Print an optimizer of torch as one file that needs torch only."""
    from optgen.cli.commands import eject as eject_command

    raise typer.Exit(eject_command.eject(spec, features or [], out))


def import_class(
    given: Annotated[
        str, typer.Argument(metavar="CLASS", help="FILE.py:CLASS or MODULE:CLASS(key=value).")
    ],
    path: Annotated[Path | None, typer.Option("--out", help="The file of the spec.")] = None,
    name: Annotated[str, typer.Option(help="The name in the spec, by default the class's.")] = "",
    known: Annotated[
        str,
        typer.Option(help="A spec that it may be: optgen diff.", autocompletion=complete_optimizer),
    ] = "",
) -> None:
    """Write the spec of a torch optimizer that is written in Python, and compare both."""
    from optgen.cli.console import USAGE, complain
    from optgen.missing_packages import what_to_install

    if missing := what_to_install("optgen import", "torch"):
        complain(missing)
        raise typer.Exit(USAGE)
    from optgen.cli.commands import imports as import_command

    raise typer.Exit(import_command.import_class(given, path, name, known))
