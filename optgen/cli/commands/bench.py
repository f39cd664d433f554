"""``optgen bench``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from optgen.bench.cases import Case, cases, own_files, read
from optgen.bench.chart import draw
from optgen.bench.models import Model, models
from optgen.bench.peers.libraries import installed
from optgen.bench.run import Figure, Figures, beginnings, described, figure, growth
from optgen.bench.storage import StorageFigure, storage_figures
from optgen.bench.time_budget import Clock
from optgen.bench.user_specs import generated
from optgen.cli.console import FINE, USAGE, WRONG, complain, ends_well, out, print_problems, warn
from optgen.cli.storage_table import storage_table
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.storage import Stored, stored_as

#: Columns of a table with all peers.
_WIDTH = 110
#: Rounds and seconds per case, in a thorough run and in a quick one.
_THOROUGH, _QUICK = (41, 20.0), (6, 1.0)
_QUICK_MODELS = ("resnet50", "many_tiny")
#: Total seconds of a quick run, and seconds after which it times no more steps.
_QUICK_SECONDS, _QUICK_STEPS = 95.0, 65.0


@ends_well("optgen bench")
def bench(
    names: list[str],
    on: list[str],
    peers: list[str],
    path: Path | None,
    picture: Path | None,
    *,
    quick: bool,
    storages: list[str] | None = None,
    everything: bool = False,
) -> int:
    """Time steps, and print the results; returns the exit status.

    With ``storages``, they are steps with these storages of parameters and states, or the usual
    ones; with ``everything``, also with all features on.
    """
    shapes_of, notes = models(), list[str]()
    try:
        wanted = [shapes_of[name] for name in on or [*(_QUICK_MODELS if quick else shapes_of)]]
        others = installed(peers, notes)
        # Small models take little time, so they are present even if time runs out.
        shapes = sorted(wanted, key=lambda model: model.size)
        specs = read(names)
        chosen = cases(specs)
        if not chosen:
            complain(f"there is no optimizer among {', '.join(names)}")
            return USAGE
        with generated(own_files(specs)) as folder:
            for case in chosen:
                case.made()
            if storages is not None:
                dense = [one for one in chosen if not one.matrices and (everything or not one.full)]
                listed = [stored_as(wish) for wish in storages]
                return _storages(dense, shapes, listed, path, quick=quick)
            found = _timed(chosen, shapes, others, folder, quick=quick)
    except SpecError as error:
        print_problems(error.problems)
        return WRONG
    except (FileNotFoundError, TypeError, ValueError) as error:
        complain(str(error))
        return USAGE
    except KeyError as error:
        complain(f"there is no model {error}; there are {', '.join(shapes_of)}")
        return USAGE
    found.notes[:0] = notes
    _print(found)
    if path is not None:
        path.write_text(json.dumps(found.as_dict(), indent=2) + "\n", encoding="utf-8")
        out.print(Text(f"The figures are in {path}"))
    if picture is not None:
        draw(found, picture)
        out.print(Text(f"The chart is in {picture}"))
    return FINE


def _storages(
    chosen: list[Case], shapes: list[Model], listed: list[Stored], path: Path | None, *, quick: bool
) -> int:
    """Time each storage, and print the results; returns the exit status."""
    rounds, seconds = _QUICK if quick else _THOROUGH
    facts = described(max(model.size for model in shapes), [])
    if facts["busy"]:
        warn("this machine is busy; other work will distort the figures")
    out.print(Text(", ".join(f"{name} {_shown(value)}" for name, value in facts.items())))
    notes: list[str] = []
    found: list[StorageFigure] = []
    for model in shapes:
        for case in chosen:
            with out.status(f"{case.title} on {model.name}"):
                some = list(storage_figures(case, model, listed, rounds, seconds, notes))
            found += some
            table = storage_table(f"{case.title} on {model.name}", some)
            Console(width=max(out.width, _WIDTH)).print(table)
    for note in dict.fromkeys(notes):
        warn(note)
    if path is not None:
        text = {"machine": facts, "storage": [asdict(one) for one in found], "notes": notes}
        path.write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")
        out.print(Text(f"The figures are in {path}"))
    return FINE


def _timed(
    chosen: list[Case], shapes: list[Model], peers: list[str], folder: Path, *, quick: bool
) -> Figures:
    """All results; at the time limit of a quick run, the remaining cases are skipped and named."""
    rounds, seconds = _QUICK if quick else _THOROUGH
    clock, steps = (Clock(_QUICK_SECONDS), Clock(_QUICK_STEPS)) if quick else (Clock(), Clock())
    with out.status("memory") as status:
        found = Figures(described(max(model.size for model in shapes), peers))
        if found.machine["busy"]:
            warn("this machine is busy; other work will distort the figures")
        left = len(chosen) * len(shapes)
        for model in shapes:
            for case in chosen:
                share = steps.share(left, seconds)
                left -= 1
                what = f"{case.title} on {model.name}"
                if share <= 0:
                    found.left_out.append(what)
                    continue
                status.update(what)
                one, notes = figure(
                    case, model, peers, rounds=rounds, seconds=share, compiled=not quick
                )
                found.steps.append(one)
                found.notes += notes
        status.update("growth, imports, first steps")
        found.growth = {chosen[0].label: growth(chosen[0], rounds, clock)}
        plain = [case for case in chosen if not case.full][:1]
        beginnings(plain if quick else chosen, folder, clock, found)
    return found


def _print(found: Figures) -> None:
    out.print(Text(", ".join(f"{name} {_shown(value)}" for name, value in found.machine.items())))
    groups: dict[str, list[Figure]] = {}
    for one in found.steps:
        title = f"{one.model}, everything on" if one.everything_on else one.model
        groups.setdefault(title, []).append(one)
    for title, figures in groups.items():
        # Narrower terminals wrap the lines instead of truncating them.
        Console(width=max(out.width, _WIDTH)).print(_table(title, figures))
    for label, row in found.growth.items():
        steps = ", ".join(f"{count}: {took:.0f} us" for count, took in row.items())
        out.print(Text(f"{label}, by the number of tensors of 64 elements: {steps}"))
    begun = found.startup
    built = f", build {begun[_BUILD]:.1f} s" if _BUILD in begun else ""
    out.print(Text(f"import {begun[_IMPORT]:.2f} s over numpy's{built}"))
    for label, row in begun["first step"].items():
        steps = ", ".join(f"{name} {took:.2f} s" for name, took in row.items())
        out.print(Text(f"first step of {label}: {steps}"))
    for note in found.notes:
        warn(note)
    if found.left_out:
        first, more = found.left_out[0], len(found.left_out) - 1
        others = f" and {more} more, which --json lists" if more else ""
        warn(f"there was no time for {first}{others}; without --quick there is no limit")


_IMPORT, _BUILD = "import over numpy's", "build of all"


def _table(title: str, figures: list[Figure]) -> Table:
    """A table of results, with the relative times of peers."""
    peers = list(dict.fromkeys(name for one in figures for name in one.peers))
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    calls = ["calls ms"] if any(one.milliseconds_of_calls is not None for one in figures) else []
    heads = "ms", "+-", "MB", "GB/s", *calls, "floor", *(f"{peer} x" for peer in peers)
    for name in heads:
        table.add_column(name, justify="right", no_wrap=True)
    for one in figures:
        table.add_row(
            one.case,
            f"{one.milliseconds:.3g}",
            f"{one.spread:.0%}",
            f"{one.bytes_moved / 1e6:.0f}",
            f"{one.gigabytes_per_second:.1f}",
            *(_optional(one.milliseconds_of_calls, ".3g") for _ in calls),
            _optional(one.share_of_floor, ".0%"),
            *(f"{one.peers[name]:.1f}" if name in one.peers else "" for name in peers),
        )
    return table


def _optional(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _shown(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
