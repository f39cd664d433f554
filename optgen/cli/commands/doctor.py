"""``optgen doctor``."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from optgen.cli.choices import ReportFormat
from optgen.cli.console import FINE, WRONG, ends_well, out
from optgen.doctor.examination import examination, is_usable
from optgen.doctor.finding import Section, Verdict
from optgen.doctor.report import COLUMNS, as_json, as_text, rows

_COLOURS = {
    Verdict.FAST: "bold green",
    Verdict.OK: "green",
    Verdict.NOTE: "cyan",
    Verdict.SLOW: "bold yellow",
    Verdict.MISSING: "yellow",
    Verdict.FAULT: "bold red",
}


@ends_well("optgen doctor")
def doctor(style: ReportFormat, *, thorough: bool) -> int:
    """Print what is fast here and what isn't; returns 1 if optimizers can't run at all."""
    sections = examination(thorough=thorough)
    if style is ReportFormat.JSON:
        print(as_json(sections))
    elif out.is_terminal:
        for section in sections:
            out.print(_table(section))
    else:
        print(as_text(sections))
    return FINE if is_usable(sections) else WRONG


def _table(section: Section) -> Table:
    """A section, with the verdicts in colours."""
    table = Table(title=section.title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for name in COLUMNS:
        table.add_column(name, overflow="fold")
    for subject, verdict, *others in rows(section):
        colour = _COLOURS[Verdict(verdict)]
        # Texts of the system aren't markup.
        table.add_row(Text(subject), Text(verdict, colour), *map(Text, others))
    return table
