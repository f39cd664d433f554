"""Live progress: bars on a terminal, lines elsewhere."""

from __future__ import annotations

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from optgen.cli.console import err, out
from optgen.demo.contestants import Contestant
from optgen.demo.training import Epoch


class BuildProgress:
    """A progress bar on a terminal, otherwise one line per spec."""

    def __init__(self, total: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        # Without a thread, so that processes can be forked.
        bar = Progress(*columns, console=err, transient=True, auto_refresh=False)
        self._bar = bar if err.is_terminal else None
        self._total = total

    def __enter__(self) -> BuildProgress:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("building", total=self._total)
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def compiled(self, name: str) -> None:
        """Advance the bar."""
        if self._bar is not None:
            self._bar.update(self._task, advance=1, description=name, refresh=True)

    def done(self, name: str, status: str) -> None:
        """Print a line for each result, above the bar if there is one."""
        console = out if self._bar is None else self._bar.console
        console.print(Text(f"{name}: {status}"))


class TrainingProgress:
    """A progress bar per run on a terminal, otherwise one line per finished run."""

    def __init__(self, epochs: int) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[result]}"),
        )
        self._bars = Progress(*columns, console=err, transient=True) if err.is_terminal else None
        self._epochs = epochs

    def __enter__(self) -> TrainingProgress:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def report(self, contestant: Contestant, epoch: Epoch) -> None:
        """Record the state of a run after an epoch; epoch 0 is its start."""
        result = f"loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.1%}"
        if self._bars is not None:
            if epoch.number == 0:
                self._task = self._bars.add_task(contestant.title, total=self._epochs, result="")
            self._bars.update(self._task, completed=epoch.number, result=result)
        elif epoch.number == self._epochs:
            out.print(Text(f"{contestant.title}: {result}"))
