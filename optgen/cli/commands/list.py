"""``optgen list``."""

from __future__ import annotations

from rich.table import Table

from optgen.cli.console import FINE, ends_well, out
from optgen.compiler.ir.spec import Spec
from optgen.compiler.library import (
    feature_files,
    function_files,
    optimizer_files,
    optional_feature_files,
    schedule_files,
)
from optgen.compiler.pipeline import load_all


@ends_well("optgen list")
def list_specs() -> int:
    """Print the built-in specs of each kind with their arguments; returns 0."""
    kinds = (
        ("Optimizers", optimizer_files()),
        ("Features", feature_files()),
        ("Optional features, for a build that names them", optional_feature_files()),
        ("Schedules", schedule_files()),
        ("Functions", function_files()),
    )
    for title, files in kinds:
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
    required = [entry.name.value for entry in spec.hyperparameters if entry.required]
    entries = [entry for entry in spec.hyperparameters if not entry.required]
    others: list[tuple[object, object]] = [(entry.name, entry.default) for entry in entries]
    if (other := spec.fallback) is not None:
        listed = other.spec.hyperparameters
        others += [(f"{other.prefix}{entry.name}", entry.default) for entry in listed]
    with_default = [f"{name}={default!r}" for name, default in (*others, *spec.defaults)]
    of_function = [argument.value for argument in spec.arguments]
    return ", ".join([*of_function, *required, *with_default])
