"""Emit: Plan → Sources. Prints a plan through templates, and checks what came out."""

from __future__ import annotations

from collections.abc import Sequence

from optgen.compiler.emit.columns import columns_of
from optgen.compiler.emit.digest import rule_digest
from optgen.compiler.emit.docstring import printable
from optgen.compiler.emit.module import Module, Shared, own_functions
from optgen.compiler.emit.optimizer import features_context, optimizer_context
from optgen.compiler.emit.review import review
from optgen.compiler.emit.rounding import rounding_lines
from optgen.compiler.emit.schedule import CALLS_OF, schedule_context
from optgen.compiler.emit.targets import TARGETS
from optgen.compiler.emit.templates import Templates
from optgen.compiler.emit.vocabulary import schedule_vocabulary, vocabulary
from optgen.compiler.ir.accuracy import Bound
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.reserved import TENSOR_SIZE
from optgen.compiler.ir.rule import Rule
from optgen.compiler.ir.source import Source

__all__ = [
    "TARGETS",
    "Modules",
    "Shared",
    "Templates",
    "emit",
    "emit_features",
    "emit_package",
    "emit_schedule",
    "files_of_optimizer",
]

SCHEDULES_FOLDER = "schedules"
#: The module of what features make, in a package and in the folder of each target.
FEATURES = "features"
_CLASS, _FEATURES, _PACKAGE = "optimizer.py.j2", "features.py.j2", "package.py.j2"
_SCHEDULE, _EXCLUDE = "schedule.py.j2", "exclude.py.j2"

#: Generated modules, each with the class in it.
Modules = Sequence[tuple[str, str]]


def emit(
    plan: Plan, bounds: Sequence[Bound], shared: Shared, templates: Templates
) -> tuple[Source, ...]:
    """The class of an optimizer, and what each target makes of its plan."""
    rule, columns = plan.rule, columns_of(plan, shared.columns)
    print_id = fingerprint(plan, templates)
    files = list(dict.fromkeys(name for name, _ in rule.digests))[:1]
    inputs = [f"{name}\0{text}" for name, text in rule.digests]

    def header(names: Sequence[str], told: Sequence[str]) -> str:
        return templates.header(files, templates.digest(names, inputs), told)

    context = optimizer_context(plan, columns, shared)
    context |= {"header": header([_CLASS, _EXCLUDE], rounding_lines(bounds))}
    context |= {"fingerprint": print_id, "features": fingerprint(shared.plan, templates)}
    sources = [Source(f"{rule.module}.py", templates.render(_CLASS, context))]
    functions = own_functions(plan, columns, shared)
    for target in TARGETS:
        module = Module(target, plan, columns, functions, shared)
        above = header(templates.folder(target.name), [])
        text = module.text(templates, rule.name, above, print_id)
        sources.append(Source(f"{target.name}/{rule.module}.py", text))
    strings = [printable(rule.label), rule_digest(rule), print_id, TENSOR_SIZE]
    strings.append(fingerprint(shared.plan, templates))
    strings += [name.value for name, _ in rule.torch]
    words = vocabulary(plan, columns, templates.texts.values())
    for source in sources:
        review(source, rule, words, strings)
    return tuple(sources)


def emit_features(shared: Shared, templates: Templates) -> tuple[Source, ...]:
    """The class and the functions of features, which the optimizers of a package share."""
    plan, columns = shared.plan, shared.columns
    print_id = fingerprint(plan, templates)
    inputs = [f"{name}\0{text}" for name, text in plan.rule.digests]
    files = list(dict.fromkeys(name for name, _ in plan.rule.digests))
    words = vocabulary(plan, columns, templates.texts.values())
    header = templates.header(files, templates.digest([_FEATURES, _EXCLUDE], inputs))
    context = features_context(shared) | {"header": header, "fingerprint": print_id}
    sources = [Source(f"{FEATURES}.py", templates.render(_FEATURES, context))]
    for target in TARGETS:
        module = Module(target, plan, columns, shared.functions)
        above = templates.header(files, templates.digest(templates.folder(target.name), inputs))
        text = module.text(templates, "features, for every optimizer", above, print_id)
        sources.append(Source(f"{target.name}/{FEATURES}.py", text))
    for source in sources:
        review(source, plan.rule, words, [print_id])
    return tuple(sources)


def fingerprint(plan: Plan, templates: Templates) -> str:
    """What a class and its kernels have in common: specs, and the version of the compiler."""
    return templates.digest([], [f"{name}\0{text}" for name, text in plan.rule.digests])


def files_of_optimizer(module: str) -> tuple[str, ...]:
    """The files of an optimizer: its class, and what each target makes of it."""
    return (f"{module}.py", *(f"{target.name}/{module}.py" for target in TARGETS))


def emit_schedule(rule: Rule, templates: Templates) -> tuple[Source, ...]:
    """The class of a schedule: Python that computes one number, and so needs no plan."""
    context = schedule_context(rule)
    files = [name for name, _ in rule.digests]
    inputs = [f"{name}\0{text}" for name, text in rule.digests]
    context["header"] = templates.header(files, templates.digest([_SCHEDULE], inputs))
    text = templates.render(_SCHEDULE, context)
    source = Source(f"{SCHEDULES_FOLDER}/{rule.module}.py", text)
    words = schedule_vocabulary(rule, templates.texts[_SCHEDULE], frozenset(CALLS_OF.values()))
    review(source, rule, words, [printable(rule.label)])
    return (source,)


def emit_package(
    optimizers: Modules, schedules: Modules, templates: Templates
) -> tuple[Source, ...]:
    """The ``__init__`` files of a generated package."""
    inputs = [f"{module}\0{name}" for module, name in (*sorted(optimizers), *sorted(schedules))]
    header = templates.header((), templates.digest([_PACKAGE], inputs))

    def package(folder: str, doc: str, **contents: Modules | Sequence[str]) -> Source:
        shown = {"optimizers": [], "schedules": [], "inner": [], **contents}
        text = templates.render(_PACKAGE, {"header": header, "doc": doc, **shown})
        return Source(f"{folder}__init__.py", text)

    top: dict[str, Modules | Sequence[str]] = {"optimizers": sorted(optimizers)}
    top["inner"] = [SCHEDULES_FOLDER] if schedules else []
    sources = [package("", "Optimizers, generated from their specs.", **top)]
    if optimizers:
        sources += [package(f"{t.name}/", f"{t.title}, generated from specs.") for t in TARGETS]
    if schedules:
        doc = "Schedules, generated from their specs."
        sources.append(package(f"{SCHEDULES_FOLDER}/", doc, schedules=sorted(schedules)))
    return tuple(sources)
