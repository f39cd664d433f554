"""Compiling and proving all specs of a project in parallel; a crash affects one spec only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from optgen.analysis.reports import findings
from optgen.cli.console import err
from optgen.cli.worker_processes import Lost, in_parallel
from optgen.compiler.build import make
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.proof import Finding
from optgen.compiler.ir.spec import Spec
from optgen.compiler.pipeline import Surroundings, gather
from optgen.compiler.project import Project, unique

#: Seconds of CPU time per spec. Analyses have a work limit and normally end long before; this limit
#: ends an analysis that hangs in a library.
MOST_SECONDS = 60.0


@dataclass(frozen=True)
class Examined:
    """The results of the analysis of a spec, and its problems."""

    spec: Spec
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]


def examine(project: Project, seconds: float = MOST_SECONDS) -> tuple[Examined, ...]:
    """Examine every optimizer and schedule of a project, in order."""
    specs = project.kinds.compiled
    work = partial(examine_one, around=project.around)
    with _progress(len(specs)) as done:
        made = in_parallel(work, specs, seconds, done)
    return tuple(
        Examined(spec, (), (Problem.internal(one.reason, spec.name.location),))
        if isinstance(one, Lost)
        else one
        for spec, one in zip(specs, made, strict=True)
    )


def examine_one(spec: Spec, around: Surroundings) -> Examined:
    """Compile a spec and prove properties of its rule; each can fail independently of the other."""
    problems = make(spec, around).problems
    if spec.is_schedule:
        return Examined(spec, (), tuple(problems))
    proved, more = gather([spec], findings)
    found = tuple(finding for _, every in proved for finding in every)
    crashes = [
        Problem.internal(f"{one.group}: {one.reason}", one.location, one.crash)
        for one in found
        if one.crash
    ]
    return Examined(spec, found, unique([*problems, *more, *crashes]))


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Spec], None]]:
    """A progress bar on a terminal, without a thread; otherwise nothing."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    is_shown = err.is_terminal and total > 1
    with Progress(
        *columns, console=err, transient=True, auto_refresh=False, disable=not is_shown
    ) as bar:
        task = bar.add_task("checking", total=total)
        bar.refresh()

        def done(spec: Spec) -> None:
            bar.update(task, advance=1, description=spec.name.value, refresh=True)

        yield done
