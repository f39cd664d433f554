"""Why a plan is as it is: what was rewritten, with its proof and what it does to errors."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from optgen.cli.console import out
from optgen.compiler.nouns.accuracy import Accuracy, one_digit

#: Columns that the table of rewrites needs.
_WIDTH = 130


def print_reasons(found: Accuracy) -> None:
    """Print the rewrites of a plan, and the worst errors before and after all of them."""
    if not found.planned:
        out.print("\nNothing was measured: a step takes all elements together, or is too large")
        return
    out.print("\nRewrites, each with its operations for an element and its worst error in ulps")
    wide = Console(width=max(out.width, _WIDTH), highlight=False)
    table = Table(box=None, pad_edge=False)
    for heading in ("kind", "written", "planned", "proof", "operations", "error"):
        table.add_column(heading, overflow="fold")
    for one in found.rewrites:
        before, after = one.operations
        errors = " to ".join(map(one_digit, one.errors))
        proof = one.proof or "none"
        table.add_row(one.kind, one.before, one.after, proof, f"{before} to {after}", errors)
    wide.print(table)
    verdict = "proved, by exact arithmetic" if found.proved else "not proved"
    out.print(f"\nThe update as planned means what is written: {verdict}")
    out.print("Worst error of a step or state in ulps of float32, against 50 digits:")
    errors_table = Table(box=None, pad_edge=False)
    errors_table.add_column("inputs")
    for heading in ("written", "planned"):
        errors_table.add_column(heading, justify="right")
    for kind, error in found.planned.items():
        errors_table.add_row(kind, one_digit(found.written[kind]), one_digit(error))
    out.print(errors_table)
