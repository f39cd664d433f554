"""The options of ``optgen bench``, which imports what it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from optgen.cli.completion import complete_optimizer


def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Optimizers by name or spec file; those of specs/bench.toml by default.",
            autocompletion=complete_optimizer,
        ),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="resnet50, gpt2_small, many_tiny or flat.")
    ] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(help="Libraries to compare with: torch, keras, optax; the first two if none."),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="File for the figures.")] = None,
    picture: Annotated[Path | None, typer.Option(help="File for a chart.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Two models, fewer rounds; two minutes at most.")
    ] = False,
    storage: Annotated[
        bool, typer.Option("--storage", help="Steps with each storage of parameters and states.")
    ] = False,
    stored: Annotated[
        list[str] | None, typer.Option(help="With this storage, as in explain; as with --storage.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="With --storage: with everything on, too.")
    ] = False,
) -> None:
    """Time steps, compared with memory bandwidth, torch, Keras and Optax."""
    from optgen.cli.commands import bench as bench_command

    raise typer.Exit(
        bench_command.bench(
            *(names or [], model or [], peer or [], json, picture),
            quick=quick,
            storages=stored or ([] if storage else None),
            everything=everything,
        )
    )
