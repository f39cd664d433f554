"""The command line: ``optgen`` and ``python -m optgen``.

Each command imports what it runs, so that help, the version and completion need neither SymPy nor
Numba.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import optgen
from optgen.cli.benchmarking import bench
from optgen.cli.catalogue import list_specs
from optgen.cli.choices import Format, ReportFormat, Stage, known_target, targets
from optgen.cli.comparing import compare
from optgen.cli.completion import complete_optimizer, complete_schedule, complete_spec
from optgen.cli.conversion import convert
from optgen.cli.planning import plan
from optgen.cli.python_files import eject, import_class

app = typer.Typer(
    name="optgen",
    help="Compile optimizers from specs: ten lines of maths, one fused kernel.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # The import of Rich takes longer than printing the help.
    context_settings={"help_option_names": ["-h", "--help"]},
)

Paths = Annotated[
    list[str] | None,
    typer.Argument(
        help="Spec files, folders of them, or names of built-in specs.",
        autocompletion=complete_spec,
    ),
]
One = Annotated[
    str,
    typer.Argument(
        help="A spec file, or the name of a built-in spec.", autocompletion=complete_spec
    ),
]
Out = Annotated[Path | None, typer.Option(help="The folder of the generated package.")]


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Compile optimizers from specs: ten lines of maths, one fused kernel."""
    if version:
        typer.echo(f"optgen {optgen.__version__}")
        raise typer.Exit


@app.command()
def build(
    paths: Paths = None,
    out: Out = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; print a diff and fail if stale.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also replace generated files that were edited.")
    ] = False,
) -> None:
    """Generate optimizers and schedules, by default the built-in ones."""
    from optgen.cli.commands import build as build_command

    raise typer.Exit(build_command.build(paths or [], out, check_only=check, force=force))


@app.command()
def check(
    paths: Paths = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Also fail if oddness or degree is refuted.")
    ] = False,
    require_proof: Annotated[
        bool, typer.Option("--require-proof", help="Also fail for undecided properties.")
    ] = False,
    proofs: Annotated[
        bool, typer.Option("--proofs", help="List every property with its reason.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Find errors in specs, and prove or refute properties of their rules."""
    from optgen.cli.commands import check as check_command

    options = check_command.Wishes(strict, require_proof, proofs, as_json)
    raise typer.Exit(check_command.check(paths or [], options))


@app.command()
def diff(
    one: Annotated[
        str,
        typer.Argument(
            help="A spec, or one with values: NAME(key=value).", autocompletion=complete_optimizer
        ),
    ],
    other: Annotated[
        str,
        typer.Argument(help="The one to compare with it.", autocompletion=complete_optimizer),
    ],
    both: Annotated[
        list[str] | None, typer.Option("--with", help="A value for both, as name=value.")
    ] = None,
) -> None:
    """Compare two optimizers as mathematics: equal, or the first difference."""
    from optgen.cli.commands import diff as diff_command

    raise typer.Exit(diff_command.diff(one, other, both or []))


@app.command()
def explain(
    spec: Annotated[
        str,
        typer.Argument(
            help="A spec file, or the name of a built-in optimizer.",
            autocompletion=complete_optimizer,
        ),
    ],
    style: Annotated[Format, typer.Option("--format", help="The output format.")] = Format.TEXT,
    parameters: Annotated[
        int, typer.Option(min=1, help="Model size for the estimated times.")
    ] = 25_557_032,
    together: Annotated[
        list[str] | None,
        typer.Option("--with", help="A feature or switch to include in the cost of a combination."),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="File for a plot of convergence on a quadratic."),
    ] = None,
    runs: Annotated[Path | None, typer.Option(help="File for a plot of the observed runs.")] = None,
    storage: Annotated[
        bool, typer.Option("--storage", help="Add what half precision and codes of states change.")
    ] = False,
    stored: Annotated[
        list[str] | None,
        typer.Option(
            help="A storage to add, as param=bfloat16,states=int8,rounding=split.",
        ),
    ] = None,
) -> None:
    """Explain a rule: its formulas, proofs, stability and costs."""
    from optgen.cli.commands import explain as explain_command

    storages = stored or ([] if storage else None)
    raise typer.Exit(
        explain_command.explain(spec, style, parameters, together or [], picture, runs, storages)
    )


@app.command()
def show(
    spec: One,
    stage: Annotated[Stage, typer.Option(help="The stage to print.")] = (Stage.PLAN),
    target: Annotated[
        str,
        typer.Option(
            help="The target, at stage source.",
            metavar=f"[{'|'.join(targets())}]",
            callback=known_target,
            autocompletion=targets,
        ),
    ] = "cpu",
    why: Annotated[
        bool,
        typer.Option("--why", help="At stage plan: rewrites, their proofs, and rounding errors."),
    ] = False,
) -> None:
    """Print one stage of the compilation of a spec."""
    from optgen.cli.commands import show as show_command

    raise typer.Exit(show_command.show(spec, stage, target, why=why))


@app.command()
def plot(
    schedules: Annotated[
        list[str],
        typer.Argument(
            help="A schedule, by name or spec file, and its arguments as key=value.",
            autocompletion=complete_schedule,
        ),
    ],
    calls: Annotated[int, typer.Option(min=1, help="Number of calls to draw.")] = 10_000,
    picture: Annotated[Path, typer.Option(help="Where to put the picture of the curves.")] = Path(
        "optgen-plot.png"
    ),
) -> None:
    """Draw schedules; arguments follow the name of their schedule."""
    from optgen.cli.commands import plot as plot_command

    raise typer.Exit(plot_command.plot(schedules, calls, picture))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The name of the optimizer, such as MyOptimizer.")],
    folder: Annotated[Path, typer.Option(help="The folder of the spec.")] = Path(),
) -> None:
    """Write a spec to start from; it builds unchanged."""
    from optgen.cli.commands import new as new_command

    raise typer.Exit(new_command.new(name, folder))


@app.command()
def demo(
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training set.")] = 20,
    picture: Annotated[Path, typer.Option(help="Where to put the picture of the curves.")] = Path(
        "optgen-demo.png"
    ),
    everything: Annotated[
        bool, typer.Option("--all", help="Train with all optimizers, not one or two of a family.")
    ] = False,
) -> None:
    """Train a small network on handwritten digits with optimizers of each family."""
    from optgen.cli.commands import demo as demo_command

    raise typer.Exit(demo_command.demo(epochs, picture, everything=everything))


@app.command()
def doctor(
    style: Annotated[ReportFormat, typer.Option("--format", help="The output format.")] = (
        ReportFormat.TEXT
    ),
    thorough: Annotated[
        bool,
        typer.Option("--thorough", help="Also import each library, in a process of its own."),
    ] = False,
) -> None:
    """Report which paths are fast on this machine, and what to install or set."""
    from optgen.cli.commands import doctor as doctor_command

    raise typer.Exit(doctor_command.doctor(style, thorough=thorough))


@app.command()
def site(
    folder: Annotated[Path, typer.Argument(help="The folder of the pages.")],
    only: Annotated[
        list[str] | None,
        typer.Option(help="A rule, by name or spec file; all if none is given."),
    ] = None,
    processes: Annotated[
        int, typer.Option(min=0, help="How many processes analyse rules; 0 is one for each core.")
    ] = 0,
) -> None:
    """Write the gallery: a page for each rule and feature, and a table of all."""
    from optgen.cli.commands import site as site_command

    raise typer.Exit(site_command.site(folder, only or [], processes))


app.command()(bench)
app.command()(compare)
app.command()(convert)
app.command()(eject)
app.command(name="import")(import_class)
app.command(name="list")(list_specs)
app.command()(plan)
