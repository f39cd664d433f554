"""The command line: ``optgen`` and ``python -m optgen``.

Each command imports what it runs, so that help, the version and completion need neither SymPy nor
Numba.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import optgen
from optgen.cli.choices import Format, Stage, known_target, targets
from optgen.cli.completion import complete_optimizer, complete_schedule, complete_spec

app = typer.Typer(
    name="optgen",
    help="Compile optimizers from specs: ten lines of maths, one fused kernel.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Rich would take longer to import than help takes to print.
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
        bool, typer.Option("--check", help="Write nothing; show a diff and fail if stale.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace generated files that were edited, too.")
    ] = False,
) -> None:
    """Generate optimizers and schedules; the built-in ones by default."""
    from optgen.cli.commands import build as build_command

    raise typer.Exit(build_command.build(paths or [], out, check_only=check, force=force))


@app.command()
def check(
    paths: Paths = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail for refuted oddness and degree too.")
    ] = False,
    require_proof: Annotated[
        bool, typer.Option("--require-proof", help="Fail for what is undecided too.")
    ] = False,
    proofs: Annotated[bool, typer.Option("--proofs", help="List every property.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write everything as JSON.")] = False,
) -> None:
    """Find mistakes in specs, and prove what their rules must keep."""
    from optgen.cli.commands import check as check_command

    wishes = check_command.Wishes(strict, require_proof, proofs, as_json)
    raise typer.Exit(check_command.check(paths or [], wishes))


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
    """Compare two optimizers as mathematics: equal, or where they part."""
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
    style: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.TEXT,
    parameters: Annotated[
        int, typer.Option(min=1, help="Parameters of the model that times are given for.")
    ] = 25_557_032,
    together: Annotated[
        list[str] | None,
        typer.Option("--with", help="A feature or switch; the costs of all given are shown too."),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="Where to draw how fast it comes to rest on a quadratic, too."),
    ] = None,
    runs: Annotated[
        Path | None, typer.Option(help="Where to draw the runs that its behaviour is seen in.")
    ] = None,
) -> None:
    """Explain a rule: its formulas, proofs, stability and costs."""
    from optgen.cli.commands import explain as explain_command

    raise typer.Exit(
        explain_command.explain(spec, style, parameters, together or [], picture, runs)
    )


@app.command()
def show(
    spec: One,
    stage: Annotated[Stage, typer.Option(help="Which noun of the compiler to show.")] = (
        Stage.PLAN
    ),
    target: Annotated[
        str,
        typer.Option(
            help="Which kernels, at stage source.",
            metavar=f"[{'|'.join(targets())}]",
            callback=known_target,
            autocompletion=targets,
        ),
    ] = "cpu",
    why: Annotated[
        bool, typer.Option("--why", help="At stage plan: each rewrite, its proof, and errors.")
    ] = False,
) -> None:
    """Show what the compiler makes of a spec at one stage."""
    from optgen.cli.commands import show as show_command

    raise typer.Exit(show_command.show(spec, stage, target, why=why))


@app.command(name="list")
def list_specs() -> None:
    """List the built-in optimizers, features and schedules."""
    from optgen.cli.commands import list as list_command

    raise typer.Exit(list_command.list_specs())


@app.command()
def plot(
    schedules: Annotated[
        list[str],
        typer.Argument(
            help="A schedule, by name or spec file, and its arguments as key=value.",
            autocompletion=complete_schedule,
        ),
    ],
    calls: Annotated[int, typer.Option(min=1, help="How many calls to draw.")] = 10_000,
    picture: Annotated[Path, typer.Option(help="Where to put the picture of the curves.")] = Path(
        "optgen-plot.png"
    ),
) -> None:
    """Draw schedules; arguments follow the schedule they belong to."""
    from optgen.cli.commands import plot as plot_command

    raise typer.Exit(plot_command.plot(schedules, calls, picture))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The name of the optimizer, like MyOptimizer.")],
    folder: Annotated[Path, typer.Option(help="Where to put the spec.")] = Path(),
) -> None:
    """Write a spec to fill in; it builds as it stands."""
    from optgen.cli.commands import new as new_command

    raise typer.Exit(new_command.new(name, folder))


@app.command()
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
    json: Annotated[Path | None, typer.Option(help="Where to write the figures.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Where to draw a chart of them.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two models, and less often.")] = False,
) -> None:
    """Time steps beside the speed of memory, torch and Keras."""
    from optgen.cli.commands import bench as bench_command

    raise typer.Exit(bench_command.bench(names or [], model or [], json, picture, quick=quick))


@app.command()
def demo(
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training set.")] = 20,
    picture: Annotated[Path, typer.Option(help="Where to put the picture of the curves.")] = Path(
        "optgen-demo.png"
    ),
) -> None:
    """Train a small network on handwritten digits with every optimizer."""
    from optgen.cli.commands import demo as demo_command

    raise typer.Exit(demo_command.demo(epochs, picture))
