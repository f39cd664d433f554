"""Emit: Plan → Sources. Prints a plan through templates, and checks what came out."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jinja2

from optgen.compiler.emit.cpu import cpu_context
from optgen.compiler.emit.functions import pick
from optgen.compiler.emit.optimizer import optimizer_context, printable
from optgen.compiler.emit.review import review
from optgen.compiler.nouns.plan import Plan
from optgen.compiler.nouns.source import MARK, Source

FUNCTIONS_FILE = "cpu_functions.py"


@dataclass(frozen=True)
class Templates:
    """The texts of the templates by file name, and the version of the compiler."""

    texts: Mapping[str, str]
    version: str

    def render(self, template: str, context: Mapping[str, object]) -> str:
        """A template with its holes filled."""
        environment = jinja2.Environment(
            loader=jinja2.DictLoader(dict(self.texts)),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        return environment.get_template(template).render(context)

    def header(self, template: str, files: Sequence[str], digest: str) -> str:
        """The comment on top of a generated file."""
        lines = [
            f"{MARK} {self.version} with {template}. Do not edit: change the spec and run",
            f"# `optgen build`. Specs: {', '.join(files)}." if files else "# `optgen build`.",
            f"# Inputs: sha256 {digest}",
        ]
        return "\n".join(_wrap_comment(lines))


def emit(plan: Plan, templates: Templates) -> tuple[Source, ...]:
    """The class of an optimizer and its CPU kernels."""
    digest = inputs_digest(plan.rule.digests, templates)
    files = list(dict.fromkeys(name for name, _ in plan.rule.digests))
    kernels = cpu_context(plan, lambda wanted: pick(templates.texts[FUNCTIONS_FILE], wanted))
    kernels["header"] = templates.header("cpu.py.j2", files, digest)
    optimizer = optimizer_context(plan)
    optimizer["header"] = templates.header("optimizer.py.j2", files, digest)
    module = plan.rule.module
    sources = (
        Source(f"{module}.py", templates.render("optimizer.py.j2", optimizer)),
        Source(f"cpu/{module}.py", templates.render("cpu.py.j2", kernels)),
    )
    for source in sources:
        review(source, plan, templates.texts.values(), printable(plan.rule.label))
    return sources


def emit_package(modules: Sequence[tuple[str, str]], templates: Templates) -> tuple[Source, ...]:
    """The ``__init__`` files of a generated package; ``modules`` are (module, class) pairs."""
    digest = inputs_digest(modules, templates)
    header = templates.header("package.py.j2", (), digest)
    doc = "Optimizers, generated from their specs."
    top = {"header": header, "doc": doc, "imports": sorted(modules)}
    inner = {"header": header, "doc": "CPU kernels, generated from specs.", "imports": []}
    return (
        Source("__init__.py", templates.render("package.py.j2", top)),
        Source("cpu/__init__.py", templates.render("package.py.j2", inner)),
    )


def inputs_digest(digests: Sequence[tuple[str, str]], templates: Templates) -> str:
    """One digest of all that decides the text of a generated file."""
    every = [*digests, *sorted(templates.texts.items()), ("optgen", templates.version)]
    joined = "\0".join(f"{name}\0{text}" for name, text in every)
    return hashlib.sha256(joined.encode()).hexdigest()[:32]


def _wrap_comment(lines: Sequence[str]) -> list[str]:
    wrapped: list[str] = []
    for line in lines:
        wrapped += textwrap.wrap(line, 96, subsequent_indent="# ")
    return wrapped
