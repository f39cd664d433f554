"""``optgen convert``: the state of an optimizer, from a file of one library to one of another."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import optgen
from optgen.checkpoints.files import ending_of, read, write
from optgen.checkpoints.tables import library
from optgen.cli.console import FINE, USAGE, WRONG, complain, ends_well
from optgen.cli.values import named_values
from optgen.compiler.ir.problem import UsageError


@dataclass(frozen=True)
class Wishes:
    """What is to be read, and where the result goes; a ``strict`` conversion loses nothing."""

    path: Path
    to: str
    source: str = ""
    rule: str = ""
    key: str = ""
    options: Sequence[str] = ()
    out: Path | None = None
    strict: bool = False
    force: bool = False


@ends_well("optgen convert")
def convert(wishes: Wishes) -> int:
    """Write a converted state, and print what became of each part; returns the exit status."""
    try:
        layout = library(wishes.to).layout
        out = wishes.out or wishes.path.with_suffix(f".{wishes.to}{ending_of(layout)}")
        if out.exists() and not wishes.force:
            complain(f"{out} is there already; --out names another file, --force replaces it")
            return USAGE
        made = optgen.convert(
            read(wishes.path, wishes.key),
            wishes.to,
            source=wishes.source,
            rule=wishes.rule,
            options=named_values(wishes.options),
        )
        sys.stdout.write(f"{made}\n")
        if wishes.strict and made.lost:
            complain(f"nothing is written: {', '.join(made.lost)} have no counterpart")
            return WRONG
        write(made.state, out, layout)
    except (OSError, TypeError, ValueError, ImportError, UsageError) as error:
        complain(str(error))
        return USAGE
    sys.stdout.write(f"{out}: the state of {wishes.to}'s {made.name}\n")
    return FINE
