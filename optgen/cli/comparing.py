"""The options of ``optgen compare``, which imports what it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from optgen.cli.choices import ReportFormat, Tried
from optgen.cli.completion import complete_optimizer


def compare(
    rules: Annotated[
        list[str],
        typer.Argument(
            help="Optimizers by name or spec file, or torch.CLASS, with values: NAME(key=value).",
            autocompletion=complete_optimizer,
        ),
    ],
    on: Annotated[
        str, typer.Option(help="Tasks with commas between them; by default all but text.")
    ] = "",
    trials: Annotated[
        int, typer.Option(min=1, help="Learning rates to try, for each rule and task.")
    ] = 8,
    seeds: Annotated[int, typer.Option(min=1, help="Runs at the best rate.")] = 3,
    budget: Annotated[
        int | None, typer.Option(min=1, help="Steps of a run, in place of the task's.")
    ] = None,
    search: Annotated[Tried, typer.Option(help="Where rates lie, in their logarithm.")] = (
        Tried.GRID
    ),
    rates: Annotated[
        str, typer.Option(help="LOW:HIGH, for all rules; else a hundredth to 100 x the default.")
    ] = "",
    battery: Annotated[
        bool, typer.Option("--battery", help="Instead, run the tests that a rule passes or fails.")
    ] = False,
    style: Annotated[
        ReportFormat, typer.Option("--format", help="The output format.")
    ] = ReportFormat.TEXT,
    chart: Annotated[Path | None, typer.Option(help="File for a picture of all runs.")] = None,
) -> None:
    """Compare rules on small tasks: equal searches for a rate, then runs with other seeds."""
    from optgen.cli.commands import compare as compare_command

    asked = compare_command.Asked(rules, on, trials, seeds, budget, search.value, rates)
    raise typer.Exit(compare_command.compare(asked, style, chart, battery=battery))
