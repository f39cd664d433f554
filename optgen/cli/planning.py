"""The options of ``optgen plan``, which imports what it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from optgen.cli.choices import ReportFormat, Sharded
from optgen.cli.completion import complete_optimizer


def plan(
    spec: Annotated[
        str,
        typer.Argument(
            help="A spec file, or the name of a built-in optimizer.",
            autocompletion=complete_optimizer,
        ),
    ],
    parameters: Annotated[
        float | None, typer.Option(min=1, help="Plan for a decoder of about so many parameters.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="Plan for resnet50, gpt2_small, many_tiny or flat.")
    ] = "",
    shapes: Annotated[
        str, typer.Option(help="Plan for such shapes: 50304x768:plain,768x768*12,768.")
    ] = "",
    ranks: Annotated[int, typer.Option(min=1, help="The number of processes.")] = 1,
    sharding: Annotated[
        Sharded, typer.Option(help="What divides parameters or states between processes.")
    ] = Sharded.FSDP,
    copies: Annotated[
        int, typer.Option(min=1, help="Sets of processes that have the same parts.")
    ] = 1,
    step: Annotated[
        int, typer.Option(min=1, help="The number of the step, for rules that do more in some.")
    ] = 2,
    stored: Annotated[
        str, typer.Option(help="The storage, as param=bfloat16,states=int8,rounding=split.")
    ] = "",
    together: Annotated[
        list[str] | None, typer.Option("--with", help="A hyperparameter, as name=value.")
    ] = None,
    style: Annotated[
        ReportFormat, typer.Option("--format", help="The output format.")
    ] = ReportFormat.TEXT,
) -> None:
    """Plan a step on many processes: bytes, exchanges and launches of each."""
    from optgen.cli.commands import plan as plan_command

    models, machines = (parameters, model, shapes), (sharding.value, ranks, copies)
    raise typer.Exit(plan_command.plan(spec, models, machines, step, stored, together or [], style))
