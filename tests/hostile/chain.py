"""A text taken through the whole chain, with what went wrong on the way."""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import re
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from optgen.analysis.reports import findings
from optgen.cli.console import print_problems
from optgen.cli.optimizer_report import Explained, Scale, explained
from optgen.cli.report_formats import in_latex, in_markdown, to_console
from optgen.cli.stage_pages import rule_page, spec_page
from optgen.cli.webpage import in_html
from optgen.compiler.emit.docstring import printable
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.source import Source
from optgen.compiler.ir.spec import Spec
from optgen.compiler.pipeline import (
    Surroundings,
    checked_rule,
    compile_spec,
    load_all,
    surroundings,
)
from tests.hostile.texts import CANARY

#: A model to give costs of, and a bandwidth.
_SCALE = Scale(1000, 1e10)


@dataclass(frozen=True)
class Outcome:
    """How far a text came, what went wrong, and the seconds of the processor that it took."""

    stage: str
    wrong: tuple[str, ...]
    seconds: float


def examine(text: bytes, path: Path, *, whole: bool) -> Outcome:
    """Load, parse and check a text; compile, prove and explain it too if it is legal, and whole."""
    called: list[str] = []
    setattr(builtins, CANARY, lambda *_: called.append("planted code was executed"))
    start = time.process_time()
    stage = ["load"]
    wrong: list[str] = []
    path.write_bytes(text)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            wrong += _through(path, stage, whole=whole)
    except SpecError as error:
        with contextlib.redirect_stderr(io.StringIO()):
            print_problems(error.problems)
        wrong += [p.traceback or p.message for p in error.problems if p.severity != "error"]
    except Exception:
        wrong.append(traceback.format_exc())
    finally:
        delattr(builtins, CANARY)
    return Outcome(stage[0], (*wrong, *called), time.process_time() - start)


def _through(path: Path, stage: list[str], *, whole: bool) -> Iterator[str]:
    (spec,) = load_all([path])
    stage[0] = "check"
    rule = checked_rule(spec)
    if not whole:
        stage[0] = "legal"
        return
    stage[0] = "compile"
    spec_page(spec)
    rule_page(rule)
    if spec.slot is not None:
        return
    for source in compile_spec(spec, _around()):
        yield from _of_source(source, spec)
    if spec.is_schedule:
        return
    stage[0] = "prove"
    found = findings(spec)
    yield from (finding.crash for finding in found if finding.crash)
    stage[0] = "explain"
    yield from _of_explanation(explained(spec, ()))
    stage[0] = "all"


@cache
def _around() -> Surroundings:
    return surroundings()


def _of_source(source: Source, spec: Spec) -> Iterator[str]:
    """Generated text is Python, with the summary as prose and no planted call in it."""
    tree = ast.parse(source.text)
    names = {
        *(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)),
        *(node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)),
    }
    if names & {CANARY, "__import__", "__subclasses__", "onerror"}:
        yield f"{source.path} has planted code"
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == spec.name.value:
            told = "".join((ast.get_docstring(node) or "").split())
            if not told.startswith("".join(printable(spec.summary).split())):
                yield f"{source.path} tells another summary"


class _Tags(HTMLParser):
    """The tags of a page, and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"{name}=" for name, _ in attrs)}


def _of_explanation(found: Explained) -> Iterator[str]:
    to_console(found, _SCALE)
    markdown = re.sub(r"`[^`\n]*`", "", "\n".join(in_markdown(found, _SCALE)))
    if re.search(r"<(script|img)", markdown):
        yield "the Markdown has planted tags"
    if re.search(r"(?<!\\)\\(input|write18|end\{equation)", "\n".join(in_latex(found))):
        yield "the LaTeX has planted commands"
    tags = _Tags()
    tags.feed(in_html(found, _SCALE))
    if tags.found & {"script", "img", "onclick=", "onerror=", "src="}:
        yield "the page has planted tags"
