"""An examination as JSON and as plain text."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import optgen
from optgen.doctor.examination import examination, is_usable
from optgen.doctor.finding import Section, Verdict

#: What the command does.
SUMMARY = "Report which paths are fast on this machine, and what to install or set."
THOROUGH = "Also import each library, in a process of its own."
#: The names of what ``rows`` yields.
COLUMNS = ("what", "verdict", "found", "advice")


def rows(section: Section) -> Iterator[tuple[str, ...]]:
    """The findings of a section as cells of text."""
    for one in section.findings:
        yield one.subject, one.verdict.value, one.found, one.advice


def as_json(sections: Sequence[Section]) -> str:
    """One object; ``docs/commands.md`` documents it."""
    listed = [asdict(section) for section in sections]
    page = {"optgen": optgen.__version__, "sections": listed}
    return json.dumps(page, indent=2)


def as_text(sections: Sequence[Section]) -> str:
    """A line for each finding, and one below for the advice."""
    return "\n\n".join("\n".join([one.title, *_lines(one)]) for one in sections)


def _lines(section: Section) -> Iterator[str]:
    width = max(map(len, Verdict))
    for subject, verdict, found, advice in rows(section):
        yield f"  {verdict:{width}}  {subject}: {found}"
        if advice:
            yield f"  {'':{width}}  -> {advice}"


def main(arguments: Sequence[str]) -> int:
    """The command without the packages of other commands; returns the exit status."""
    parser = argparse.ArgumentParser("optgen doctor", description=SUMMARY)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--thorough", action="store_true", help=THOROUGH)
    options = parser.parse_args(arguments)
    sections = examination(thorough=options.thorough)
    print(as_json(sections) if options.format == "json" else as_text(sections))
    return 0 if is_usable(sections) else 1
