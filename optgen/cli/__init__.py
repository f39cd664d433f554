"""The command line: ``optgen`` and ``python -m optgen``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import optgen
from optgen.cli import (
    benching,
    building,
    checking,
    comparing,
    demonstrating,
    explaining,
    listing,
    plotting,
    showing,
    starting,
)

app = typer.Typer(
    name="optgen",
    help="Compile optimizers from specs: ten lines of maths, one fused kernel.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Paths = Annotated[
    list[str] | None,
    typer.Argument(help="Spec files, folders of them, or names of built-in specs."),
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
) -> None:
    """Generate optimizers and schedules, or the built-in ones where no path is given."""
    raise typer.Exit(building.build(paths or [], out, check_only=check))


@app.command()
def check(
    paths: Paths = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail for refuted parity and degree too.")
    ] = False,
    require_proof: Annotated[
        bool, typer.Option("--require-proof", help="Fail for what is undecided too.")
    ] = False,
    proofs: Annotated[bool, typer.Option("--proofs", help="List every property.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write everything as JSON.")] = False,
) -> None:
    """Look for mistakes in specs, and prove what rules must keep; exit with 1 if they don't."""
    wishes = checking.Wishes(strict, require_proof, proofs, as_json)
    raise typer.Exit(checking.check(paths or [], wishes))


@app.command()
def diff(
    one: Annotated[str, typer.Argument(help="A spec, or one with values: NAME(key=value).")],
    other: Annotated[str, typer.Argument(help="The one to compare with it.")],
    both: Annotated[
        list[str] | None, typer.Option("--with", help="A value for both, as name=value.")
    ] = None,
) -> None:
    """Compare two rules as mathematics: equal for every gradient, or where they part."""
    raise typer.Exit(comparing.diff(one, other, both or []))


@app.command()
def explain(
    spec: Annotated[str, typer.Argument(help="A spec file, or the name of a built-in optimizer.")],
    style: Annotated[
        explaining.Format, typer.Option("--format", help="How it is written.")
    ] = explaining.Format.TEXT,
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
    """Tell what a rule does, what is proved of it, and what a step costs."""
    raise typer.Exit(explaining.explain(spec, style, parameters, together or [], picture, runs))


@app.command()
def show(
    spec: Annotated[str, typer.Argument(help="A spec file, or the name of a built-in spec.")],
    stage: Annotated[showing.Stage, typer.Option(help="Which noun of the compiler to show.")] = (
        showing.Stage.PLAN
    ),
    target: Annotated[showing.Target, typer.Option(help="Which kernels, at stage source.")] = (
        showing.Target.CPU
    ),
    why: Annotated[
        bool, typer.Option("--why", help="At stage plan: each rewrite, its proof, and errors.")
    ] = False,
) -> None:
    """Show what the compiler makes of a spec at one stage."""
    raise typer.Exit(showing.show(spec, stage, target, why=why))


@app.command(name="list")
def list_specs() -> None:
    """List the built-in optimizers, features and schedules."""
    raise typer.Exit(listing.list_specs())


@app.command()
def plot(
    schedules: Annotated[
        list[str],
        typer.Argument(help="A schedule, by name or spec file, and its arguments as key=value."),
    ],
    calls: Annotated[int, typer.Option(min=1, help="How many calls to draw.")] = 10_000,
    picture: Annotated[Path, typer.Option(help="Where to put the picture of the curves.")] = Path(
        "optgen-plot.png"
    ),
) -> None:
    """Draw schedules; an argument belongs to the schedule that is named before it."""
    raise typer.Exit(plotting.plot(schedules, calls, picture))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The name of the optimizer, like MyOptimizer.")],
    folder: Annotated[Path, typer.Option(help="Where to put the spec.")] = Path(),
) -> None:
    """Write a spec to fill in; it builds as it stands."""
    raise typer.Exit(starting.new(name, folder))


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Optimizers; all by default.")] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="resnet50, gpt2_small, many_tiny or flat.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Where to write the figures.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Where to draw a chart of them.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two models, and less often.")] = False,
) -> None:
    """Time steps beside the memory's own speed, and beside torch and Keras where they are."""
    raise typer.Exit(benching.bench(names or [], model or [], json, picture, quick=quick))


@app.command()
def demo(
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training set.")] = 20,
    picture: Annotated[Path, typer.Option(help="Where to put the picture of the curves.")] = Path(
        "optgen-demo.png"
    ),
) -> None:
    """Rebuild the optimizers and train a small network with each, on handwritten digits."""
    raise typer.Exit(demonstrating.demo(epochs, picture))
