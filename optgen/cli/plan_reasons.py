"""The rewrites of a plan, with proofs and rounding errors."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from optgen.cli.console import out
from optgen.compiler.ir.accuracy import Accuracy, in_tenths, one_digit

#: The width in columns of the table of rewrites.
_WIDTH = 130


def print_reasons(found: Accuracy) -> None:
    """Print bounds of a plan's errors, its rewrites, and the largest errors found."""
    _print_bounds(found)
    if not found.planned:
        out.print("\nNothing was measured: a step takes all elements together, or is too large")
        return
    out.print(
        "\nRewrites, each with its operations for an element and the largest error found, in ulps"
    )
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
    out.print(f"Largest error found in {found.steps} steps, in ulps of float32, against 50 digits:")
    errors_table = Table(box=None, pad_edge=False)
    errors_table.add_column("inputs")
    for heading in ("written", "planned"):
        errors_table.add_column(heading, justify="right")
    for kind, error in found.planned.items():
        errors_table.add_row(kind, one_digit(found.written[kind]), one_digit(error))
    out.print(errors_table)


def _print_bounds(found: Accuracy) -> None:
    """Print the proved rounding bound of each result, and the largest error found."""
    if not found.bounds:
        out.print("\nNo bound of rounding errors: the rule has too many settings of its switches")
        return
    out.print(
        "\nRounding errors, in ulps of float32; proved for all inputs, and the largest found:"
    )
    wide = Console(width=max(out.width, _WIDTH), highlight=False)
    table = Table(box=None, pad_edge=False)
    for heading in ("result", "where", "at most", "found", "in ulps of"):
        table.add_column(heading, overflow="fold")
    for one in found.bounds:
        most = "no bound" if one.ulps is None else in_tenths(one.ulps)
        error = found.found.get((one.setting, one.result))
        shown = "" if error is None else f"{error:.1f}"
        unit = "the sum of its terms' magnitudes" if one.cancels else "the result"
        table.add_row(one.result, one.setting, most, shown, one.why or unit)
    wide.print(table)
