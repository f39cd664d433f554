"""``optgen list``."""

from __future__ import annotations

from rich.table import Table

from optgen.cli.console import FINE, out
from optgen.compiler.library import feature_files, optimizer_files
from optgen.compiler.nouns.spec import Spec
from optgen.compiler.pipeline import load_all


def list_specs() -> int:
    """Print the built-in optimizers and features with their arguments; returns 0."""
    for title, files in (("Optimizers", optimizer_files()), ("Features", feature_files())):
        if out.is_terminal:
            table = Table(title=title, title_justify="left", show_lines=False)
            for heading in ("name", "what it does", "arguments"):
                table.add_column(heading, overflow="fold")
            for spec in load_all(files):
                table.add_row(spec.name.value, spec.summary, _arguments(spec))
            out.print(table)
        else:
            for spec in load_all(files):
                arguments = _arguments(spec)
                out.print(f"{spec.name.value}\t{spec.summary}\t{arguments}", markup=False)
    return FINE


def _arguments(spec: Spec) -> str:
    declared = [(entry.name, entry.default) for entry in spec.hyperparameters]
    return ", ".join(f"{name}={default!r}" for name, default in (*declared, *spec.defaults))
