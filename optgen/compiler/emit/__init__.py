"""Emit: Plan → Sources. Prints a plan through templates, and checks what came out."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import jinja2

from optgen.compiler.emit.cpu import cpu_context
from optgen.compiler.emit.cuda import cuda_context
from optgen.compiler.emit.digest import rule_digest
from optgen.compiler.emit.docstring import printable
from optgen.compiler.emit.functions import pick
from optgen.compiler.emit.keras import keras_context
from optgen.compiler.emit.optimizer import optimizer_context
from optgen.compiler.emit.review import review
from optgen.compiler.emit.rounding import rounding_lines
from optgen.compiler.emit.schedule import CALLS_OF, schedule_context
from optgen.compiler.emit.vocabulary import schedule_vocabulary, vocabulary
from optgen.compiler.ir.accuracy import Bound
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.reserved import TENSOR_SIZE
from optgen.compiler.ir.rule import Rule
from optgen.compiler.ir.source import MARK, Source

FUNCTIONS_FILE = "functions.py"
PACKAGE_TEMPLATE, SCHEDULE_TEMPLATE = "package.py.j2", "schedule.py.j2"
SCHEDULES_FOLDER = "schedules"
#: What plans are printed for, each with what a docstring calls the outcome.
TARGETS = {"cpu": "CPU kernels", "cuda": "CUDA kernels", "keras": "Keras operations"}

#: Generated modules, each with the class in it.
Modules = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Templates:
    """The texts of the templates by file name, and the version of the compiler."""

    texts: Mapping[str, str]
    version: str

    def render(self, template: str, context: Mapping[str, object]) -> str:
        """A template with its holes filled."""
        return self._environment.get_template(template).render(context)

    @cached_property
    def _environment(self) -> jinja2.Environment:
        """What compiles each template once, and keeps it for all specs."""
        return jinja2.Environment(
            loader=jinja2.DictLoader(dict(self.texts)),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def header(
        self, template: str, files: Sequence[str], digest: str, more: Sequence[str] = ()
    ) -> str:
        """The comment on top of a generated file."""
        lines = [
            f"{MARK} {self.version} with {template}. Do not edit: change the spec and run",
            f"# `optgen build`. Specs: {', '.join(files)}." if files else "# `optgen build`.",
            f"# Inputs: sha256 {digest}",
            *more,
        ]
        return "\n".join(_wrap_comment(lines))


#: What stands in each file of an optimizer: its class, and kernels for each target.
KINDS = ("optimizer", *TARGETS)


def emit(plan: Plan, bounds: Sequence[Bound], templates: Templates) -> tuple[Source, ...]:
    """The class of an optimizer, and its kernels for each target."""
    printing = Printing(plan, bounds, templates)
    return tuple(printing.reviewed(kind) for kind in KINDS)


@dataclass(frozen=True)
class Printing:
    """The files of one plan, printed by their kind."""

    plan: Plan
    bounds: Sequence[Bound]
    templates: Templates

    def reviewed(self, kind: str) -> Source:
        """A file after the last look at it. Raises AssertionError where text wasn't meant."""
        source, rule = self.printed(kind), self.plan.rule
        words = vocabulary(self.plan, self.templates.texts.values())
        strings = [printable(rule.label), rule_digest(rule), TENSOR_SIZE, self._digest]
        strings += [f".{target}.{rule.module}" for target in ("cuda", "keras")]
        strings += [name.value for name, _ in rule.torch]
        review(source, rule, words, strings)
        return source

    def printed(self, kind: str) -> Source:
        """A file as its template prints it."""
        template = f"{kind}.py.j2"
        files = list(dict.fromkeys(name for name, _ in self.plan.rule.digests))
        # Bounds are those of kernels, whose scalars are of float64.
        told = [] if kind == "keras" else rounding_lines(self.bounds)
        header = self.templates.header(template, files, self._digest, told)
        context = {**self._context(kind), "header": header, "fingerprint": self._digest}
        path = dict(zip(KINDS, paths_of(self.plan.rule.module), strict=True))[kind]
        return Source(path, self.templates.render(template, context))

    @cached_property
    def _digest(self) -> str:
        return inputs_digest(self.plan.rule.digests, self.templates)

    def _context(self, kind: str) -> dict[str, object]:
        plan, text = self.plan, self.templates.texts[FUNCTIONS_FILE]
        match kind:
            case "cpu":
                return cpu_context(plan, lambda wanted: pick(text, wanted, "njit"))
            case "cuda":
                return cuda_context(plan, lambda wanted: pick(text, wanted, "device"))
            case "keras":
                return keras_context(plan)
        return optimizer_context(plan)


def paths_of(module: str) -> tuple[str, ...]:
    """The files of an optimizer: its class, and its kernels for each target."""
    return (f"{module}.py", *(f"{target}/{module}.py" for target in TARGETS))


def emit_schedule(rule: Rule, templates: Templates) -> tuple[Source, ...]:
    """The class of a schedule: Python that computes one number, and so needs no plan."""
    context = schedule_context(rule)
    files = [name for name, _ in rule.digests]
    digest = inputs_digest(rule.digests, templates)
    context["header"] = templates.header(SCHEDULE_TEMPLATE, files, digest)
    text = templates.render(SCHEDULE_TEMPLATE, context)
    source = Source(f"{SCHEDULES_FOLDER}/{rule.module}.py", text)
    template = templates.texts[SCHEDULE_TEMPLATE]
    words = schedule_vocabulary(rule, template, frozenset(CALLS_OF.values()))
    review(source, rule, words, [printable(rule.label)])
    return (source,)


def emit_package(
    optimizers: Modules, schedules: Modules, templates: Templates
) -> tuple[Source, ...]:
    """The ``__init__`` files of a generated package."""
    digest = inputs_digest([*sorted(optimizers), *sorted(schedules)], templates)
    header = templates.header(PACKAGE_TEMPLATE, (), digest)

    def package(folder: str, doc: str, **contents: Modules | Sequence[str]) -> Source:
        shown = {"optimizers": [], "schedules": [], "inner": [], **contents}
        text = templates.render(PACKAGE_TEMPLATE, {"header": header, "doc": doc, **shown})
        return Source(f"{folder}__init__.py", text)

    top: dict[str, Modules | Sequence[str]] = {"optimizers": sorted(optimizers)}
    top["inner"] = [SCHEDULES_FOLDER] if schedules else []
    sources = [package("", "Optimizers, generated from their specs.", **top)]
    if optimizers:
        sources += [
            package(f"{t}/", f"{name}, generated from specs.") for t, name in TARGETS.items()
        ]
    if schedules:
        doc = "Schedules, generated from their specs."
        sources.append(package(f"{SCHEDULES_FOLDER}/", doc, schedules=sorted(schedules)))
    return tuple(sources)


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
