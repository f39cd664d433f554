"""``optgen list``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path

from rich.table import Table

from optgen.cli.console import FINE, USAGE, complain, ends_well, err, out
from optgen.compiler.ir.problem import nearest
from optgen.compiler.ir.spec import Spec
from optgen.compiler.library import (
    feature_files,
    function_files,
    optimizer_files,
    optional_feature_files,
    schedule_files,
)
from optgen.compiler.pipeline import load_all
from optgen.names.aliases import aliases
from optgen.names.specs import rule_families

_OPTIMIZERS = "Optimizers"
_HEADINGS = ("name", "what it does", "arguments")
Row = tuple[str, str, str]


@dataclass(frozen=True)
class Wishes:
    """What narrows the list; only optimizers have a family and a ``memory`` for states."""

    patterns: Sequence[str] = ()
    family: str = ""
    memory: int | None = None
    aliases: bool = False

    @property
    def is_of_optimizers(self) -> bool:
        """Whether other specs than optimizers are left out."""
        return bool(self.family) or self.memory is not None


@ends_well("optgen list")
def list_specs(wishes: Wishes) -> int:
    """Print the built-in specs of each kind with their arguments; returns the exit status."""
    families = {*rule_families().values()}
    if wishes.family and wishes.family not in families:
        hint = nearest(wishes.family, families) or f"there are {', '.join(sorted(families))}"
        complain(f"there is no family {wishes.family!r}; {hint}")
        return USAGE
    is_empty = True
    for title, rows in _kinds(wishes):
        _print(title, rows)
        is_empty = is_empty and not rows
    if is_empty:
        err.print("nothing fits; a pattern such as '*word*' finds names that contain it")
    return FINE


def _kinds(wishes: Wishes) -> Iterator[tuple[str, list[Row]]]:
    """The rows of each kind of spec that has some, under a title."""
    kinds = [(_OPTIMIZERS, optimizer_files())]
    if not wishes.is_of_optimizers:
        kinds += [
            ("Features", feature_files()),
            ("Optional features, for a build that names them", optional_feature_files()),
            ("Schedules", schedule_files()),
            ("Functions", function_files()),
        ]
    chosen = _small(wishes)
    for title, files in kinds:
        listed = [file for file in files if _fits(file.stem, wishes.patterns)]
        if title == _OPTIMIZERS:
            listed = [file for file in listed if _is_in(file, wishes.family, chosen)]
        specs = load_all(listed)
        if rows := [(spec.name.value, spec.summary, _arguments(spec)) for spec in specs]:
            yield title, rows
    if wishes.aliases:
        # Arguments of an alias are those of its rule.
        rows = [
            (name, str(one), "")
            for name, one in aliases().items()
            if _fits(name, wishes.patterns)
            and (chosen is None or one.rule in chosen)
            and wishes.family in ("", rule_families()[one.rule])
        ]
        yield "Aliases", rows


def _small(wishes: Wishes) -> frozenset[str] | None:
    """The optimizers with few enough states; None for all."""
    if wishes.memory is None:
        return None
    listed = import_module("optgen.optimizers").list(memory=wishes.memory)
    return frozenset(name.lower() for name in listed)


def _is_in(file: Path, family: str, chosen: frozenset[str] | None) -> bool:
    return family in ("", file.parent.name) and (chosen is None or file.stem in chosen)


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return not patterns or any(fnmatch(name, pattern.lower()) for pattern in patterns)


def _print(title: str, rows: Iterable[Row]) -> None:
    """A table on a terminal; elsewhere lines with tabs."""
    if not out.is_terminal:
        sys.stdout.writelines("\t".join(row) + "\n" for row in rows)
        return
    table = Table(title=title, title_justify="left", show_lines=False)
    for heading in _HEADINGS:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    out.print(table)


def _arguments(spec: Spec) -> str:
    required = [entry.name.value for entry in spec.hyperparameters if entry.required]
    entries = [entry for entry in spec.hyperparameters if not entry.required]
    others: list[tuple[object, object]] = [(entry.name, entry.default) for entry in entries]
    if (other := spec.fallback) is not None:
        listed = other.spec.hyperparameters
        others += [(f"{other.prefix}{entry.name}", entry.default) for entry in listed]
    # Defaults of a spec that extends another one stand for those of that.
    values = {str(name): default for name, default in (*others, *spec.defaults)}
    with_default = [f"{name}={default!r}" for name, default in values.items()]
    of_function = [argument.value for argument in spec.arguments]
    return ", ".join([*of_function, *required, *with_default])
