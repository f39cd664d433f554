"""The report on an optimizer as a self-contained HTML page, without scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from optgen.analysis.explain import mathml, steps_in_mathml
from optgen.cli.optimizer_report import Explained, Scale
from optgen.cli.storage_report import HEADINGS

_STYLE = """
:root { color-scheme: light dark; --text: #1d2330; --paper: #fdfdfb; --faint: #667;
  --line: #dddfe4; --panel: #f4f4ef; --accent: #2257a8; --good: #1f7a3d; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e6eb; --paper: #16181d; --faint: #9aa1ad; --line: #343842;
    --panel: #1f2229; --accent: #8ab4f8; --good: #7bc98f; --bad: #f2938c; } }
body { max-width: 52rem; margin: 3rem auto; padding: 0 1.2rem; color: var(--text);
  background: var(--paper); font: 1rem/1.55 system-ui, sans-serif; }
h1 { margin-bottom: 0.2rem; color: var(--accent); }
h2 { margin: 2.2rem 0 0.6rem; font-size: 1.15rem; }
h3 { margin: 1.2rem 0 0.3rem; font-size: 1rem; font-weight: 500; color: var(--faint); }
.faint { color: var(--faint); font-size: 0.9rem; }
.formulas, .wide { overflow-x: auto; }
.formulas { padding: 0.8rem 1rem; border-radius: 0.5rem; background: var(--panel); }
math { font-size: 1.1em; }
math[display="block"] { text-align: left; width: max-content; }
mtd { text-align: left; padding: 0.25em 0.3em; }
.steps > mtr > mtd:first-child { text-align: right; }
ul { padding-left: 1.2rem; }
li { margin: 0.25rem 0; }
.proved { color: var(--good); } .refuted { color: var(--bad); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: 0.3rem 0.8rem 0.3rem 0; text-align: right; border-bottom: 1px solid var(--line); }
th { font-weight: 500; color: var(--faint); }
th:first-child, td:first-child { text-align: left; }
"""


def in_html(found: Explained, scale: Scale) -> str:
    """The page, in ASCII only, so that any encoding is correct."""
    page = "\n".join(_page(found, scale))
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _page(found: Explained, scale: Scale) -> Iterator[str]:
    name = escape(found.rule.name)
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{name}</title>\n<style>{_STYLE}</style>\n</head>\n<body>"
    yield f"<h1>{name}</h1>\n<p>{escape(found.rule.summary)}</p>"
    if found.rule.reference:
        yield f'<p class="faint">{escape(found.rule.reference)}</p>'
    for heading, steps in found.variants():
        yield f"<h3>{escape(heading)}</h3>"
        yield f'<div class="formulas">{steps_in_mathml(steps)}</div>'
    yield "<h2>Of the rule</h2>\n<ul>"
    yield from (f"<li>{_property(line)}</li>" for line in found.properties())
    for before, condition, behind in found.limits():
        yield f"<li>{before}{mathml(condition)}{escape(behind)}</li>"
    yield "</ul>\n<h2>What a step costs</h2>"
    yield from _table(scale.headings(), map(scale.cells, found.cards))
    yield f'<p class="faint">{escape(scale.note)}</p>'
    lines = [*found.remarks()]
    if lines:
        yield f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
    if found.storage is not None:
        yield "<h2>What storage changes</h2>"
        yield from _table(HEADINGS, (row.cells() for row in found.storage.rows))
        yield f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in found.storage.remarks())}</ul>"
    yield "</body>\n</html>"


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    yield f'<div class="wide"><table>\n<thead>{_row("th", headings)}</thead>\n<tbody>'
    yield from (_row("td", row) for row in rows)
    yield "</tbody></table></div>"


def _property(line: str) -> str:
    """A property, with the verdict at its beginning in a colour."""
    verdict, colon, rest = line.partition(":")
    kind = escape(verdict.partition(" ")[0])
    return f'<b class="{kind}">{escape(verdict)}</b>{colon}{escape(rest)}'


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
