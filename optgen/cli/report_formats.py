"""An optimizer explained: on a console, in Markdown, and in LaTeX."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

from rich.console import Console, JustifyMethod
from rich.table import Table

from optgen.analysis.explain import formula, latex
from optgen.cli.console import out
from optgen.cli.optimizer_report import Explained, Scale
from optgen.compiler.ir.expression import text
from optgen.compiler.ir.problem import CONTROL
from optgen.compiler.ir.rule import Step

#: The width in columns of the table of costs.
_WIDTH = 110
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
            out.print(f"    {step.target} = {text(step.expression)}", markup=False)
    out.print("\nOf the rule:")
    for line in found.properties():
        out.print(f"    {line}", markup=False)
    for before, condition, behind in found.limits():
        out.print(f"    {before}{text(condition)}{behind}", markup=False)
    table = Table(title="", box=None, pad_edge=False)
    for heading in scale.headings():
        justify: JustifyMethod = "left" if heading == "setting" else "right"
        table.add_column(heading, justify=justify, no_wrap=True)
    for card in found.cards:
        table.add_row(*scale.cells(card))
    out.print()
    Console(width=max(out.width, _WIDTH), highlight=False).print(table)
    out.print(scale.note, style="dim")
    for line in found.remarks():
        out.print(line, markup=False, style="dim")


def in_markdown(found: Explained, scale: Scale) -> Iterator[str]:
    """The lines of the report in Markdown, with formulas in LaTeX."""
    yield f"# {found.rule.name}\n\n{_prose(found.rule.summary)}\n"
    for heading, steps in found.variants():
        yield f"{heading}:\n"
        yield f"$${_aligned(steps)}$$\n"
    yield from (f"- {line}" for line in found.properties())
    for before, condition, behind in found.limits():
        yield f"- {before}${formula(condition)}${behind}"
    headings = scale.headings()
    yield "\n| " + " | ".join(headings) + " |"
    yield "|" + " --- |" * len(headings)
    for card in found.cards:
        yield "| " + " | ".join(scale.cells(card)) + " |"
    lines = [*found.remarks()]
    yield from ["", *(f"- {_prose(line)}" for line in lines)] if lines else []


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
