"""An optimizer explained: on a console, in Markdown, and in LaTeX."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, JustifyMethod
from rich.table import Table

from optgen.analysis.explain import formula, latex
from optgen.cli.console import out
from optgen.cli.optimizer_report import Explained, Scale
from optgen.cli.step_lines import line_of
from optgen.cli.storage_report import HEADINGS
from optgen.compiler.ir.expression import text
from optgen.compiler.ir.problem import CONTROL
from optgen.compiler.ir.rule import Step

#: The largest width of a table, in columns.
_MOST = 1000
#: Characters with a special meaning in Markdown.
_MARKS = re.compile(r"([\\`*_\[\]$#|])")


def to_console(found: Explained, scale: Scale) -> None:
    """Print the report in the notation of specs."""
    rule = found.rule
    out.print(f"[bold]{rule.name}[/bold]: ", end="")
    out.print(rule.summary, markup=False)
    if rule.reference:
        out.print(rule.reference, markup=False, style="dim")
    for heading, steps in found.variants():
        out.print(f"\n{heading}:", markup=False)
        for step in steps:
            out.print(f"    {line_of(step)}", markup=False)
    out.print("\nOf the rule:")
    for line in found.properties():
        out.print(f"    {line}", markup=False)
    for before, condition, behind in found.limits():
        out.print(f"    {before}{text(condition)}{behind}", markup=False)
    _print_table(scale.headings(), map(scale.cells, found.cards))
    for line in (scale.note, *found.remarks()):
        out.print(line, markup=False, style="dim")
    if found.storage is not None:
        _print_table(HEADINGS, (row.cells() for row in found.storage.rows))
        for line in found.storage.remarks():
            out.print(line, markup=False, style="dim")


def _print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table whose first column is text."""
    table = Table(title="", box=None, pad_edge=False)
    for place, heading in enumerate(headings):
        justify: JustifyMethod = "right" if place else "left"
        table.add_column(heading, justify=justify, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    out.print()
    needed = Console(width=_MOST).measure(table).maximum
    Console(width=max(out.width, needed), highlight=False).print(table)


def in_markdown(found: Explained, scale: Scale) -> Iterator[str]:
    """The lines of the report in Markdown, with formulas in LaTeX."""
    yield f"# {found.rule.name}\n\n{_prose(found.rule.summary)}\n"
    for heading, steps in found.variants():
        yield f"{heading}:\n"
        yield f"$${_aligned(steps)}$$\n"
    yield from (f"- {line}" for line in found.properties())
    for before, condition, behind in found.limits():
        yield f"- {before}${formula(condition)}${behind}"
    yield from _table(scale.headings(), map(scale.cells, found.cards))
    yield from _list(found.remarks())
    if found.storage is not None:
        yield from _table(HEADINGS, (row.cells() for row in found.storage.rows))
        yield from _list(found.storage.remarks())


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "\n| " + " | ".join(headings) + " |"
    yield "|" + " --- |" * len(headings)
    yield from ("| " + " | ".join(map(_prose, row)) + " |" for row in rows)


def _list(lines: Iterable[str]) -> Iterator[str]:
    found = [*lines]
    yield from ["", *(f"- {_prose(line)}" for line in found)] if found else []


def _prose(text: str) -> str:
    """Text of a spec as a line of Markdown, escaped so that it contains no tag, formula or link."""
    return _MARKS.sub(r"\\\1", html.escape(CONTROL.sub(" ", text), quote=False))


def in_latex(found: Explained) -> Iterator[str]:
    """The steps of each variant in LaTeX."""
    for heading, steps in found.variants():
        _, _, setting = heading.partition(", ")
        yield (f"% {setting}\n" if setting else "") + _aligned(steps)


def _aligned(steps: Iterable[Step]) -> str:
    lines = r" \\ ".join(f"&{latex(step)}" for step in steps)
    return rf"\begin{{aligned}} {lines} \end{{aligned}}"
