"""What the command line does with a program: each command ends, in time and without a traceback."""

from __future__ import annotations

import contextlib
import io
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from rich.console import Console

from optgen.cli import report_formats
from optgen.cli.choices import Stage
from optgen.cli.commands import build, check, diff, show
from optgen.cli.optimizer_report import Scale, explained
from optgen.cli.webpage import in_html
from optgen.compiler.pipeline import load_all
from tests.random_programs.comparison import Outcome
from tests.random_programs.program import Program
from tests.random_programs.sources import Sources

#: Seconds of the processor that a command may take.
LONGEST = 10


class TooLongError(Exception):
    """A command takes longer than it may."""


@contextlib.contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Raise TooLongError where so much of the processor's time is up."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLongError(f"more than {seconds} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _steps(path: Path, out: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Each command with what it is called; some have an exit status."""
    name, scale = str(path), Scale(10**6, 1e10)
    yield "check", lambda: check.check([name], check.Wishes(proofs=True))
    yield "check --json", lambda: check.check([name], check.Wishes(as_json=True))

    def explain() -> None:
        (spec,) = load_all([path])
        found = explained(spec, ())
        report_formats.to_console(found, scale)
        list(report_formats.in_markdown(found, scale))
        list(report_formats.in_latex(found))
        in_html(found, scale)

    yield "explain", explain
    for stage in Stage:
        yield f"show {stage}", partial(show.show, name, stage, "cpu")
    yield "show --why", lambda: show.show(name, Stage.PLAN, "cpu", why=True)
    yield "build", lambda: build.build([name], out, check_only=False)


#: Commands that must succeed; ``check`` may have something to say of a rule.
_MUST = ("diff", "show", "build")

#: Commands on a file and a folder for what they write.
Commands = Callable[[Path, Path], Iterator[tuple[str, Callable[[], object]]]]


def _with_itself(path: Path, out: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "diff", lambda: diff.diff(str(path), str(path), [])


def by_commands(program: Program, sources: Sources) -> Outcome:
    """Run every command but ``diff``; what is wrong is told as a difference."""
    return _run(program, _steps)


def by_diff(program: Program, sources: Sources) -> Outcome:
    """A program is equal to itself."""
    return _run(program, _with_itself)


def _run(program: Program, commands: Commands) -> Outcome:
    outcome = Outcome()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "spec.toml"
        path.write_text(program.toml, encoding="utf-8")
        for name, command in commands(path, Path(folder) / "built"):
            begun = time.monotonic()
            try:
                with at_most(LONGEST), _silently():
                    status = command()
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                place = f"{Path(where.filename).name}:{where.lineno}"
                message = f"{type(error).__name__} in {place}: {str(error)[:100]}"
                outcome.differences.append(f"{name}: {message}")
                continue
            if status and name.startswith(_MUST):
                outcome.differences.append(f"{name}: ends with {status}")
            outcome.compared += 1
            outcome.slowest = max(outcome.slowest, (time.monotonic() - begun, name))
    return outcome


@contextlib.contextmanager
def _silently() -> Iterator[None]:
    """Without what commands print, on their own consoles too."""
    consoles = [v for m in (check, diff, report_formats, show) for v in vars(m).values()]
    found = {id(console): console for console in consoles if isinstance(console, Console)}
    # What is set, not what is printed to: that is the standard output of the moment.
    before = {key: console._file for key, console in found.items()}
    nowhere = io.StringIO()
    for console in found.values():
        console.file = nowhere
    try:
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            yield
    finally:
        for key, console in found.items():
            console._file = before[key]
