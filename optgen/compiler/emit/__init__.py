"""Emit: Plan → Sources. Fills templates with a plan and reviews the result."""

from __future__ import annotations

from collections.abc import Sequence

from optgen.compiler.emit.columns import columns_of
from optgen.compiler.emit.digest import rule_digest
from optgen.compiler.emit.docstring import printable
from optgen.compiler.emit.module import Module, Shared, own_functions
from optgen.compiler.emit.optimizer import features_context, optimizer_context
from optgen.compiler.emit.review import review
from optgen.compiler.emit.rounding import Errors, rounding_lines
from optgen.compiler.emit.schedule import CALLS_OF, OPERATIONS, schedule_context
from optgen.compiler.emit.target import Target
from optgen.compiler.emit.targets import TARGETS
from optgen.compiler.emit.templates import Templates
from optgen.compiler.emit.vocabulary import schedule_vocabulary, vocabulary
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.reserved import TENSOR_SIZE
from optgen.compiler.ir.rule import Rule
from optgen.compiler.ir.source import Source

__all__ = [
    "TARGETS",
    "Errors",
    "Modules",
    "Shared",
    "Templates",
    "emit",
    "emit_features",
    "emit_package",
    "emit_schedule",
    "files_of_optimizer",
    "printed",
]

SCHEDULES_FOLDER = "schedules"
#: The module of what features make, in a package and in the folder of each target.
FEATURES = "features"
_CLASS, _FEATURES, _PACKAGE = "optimizer.py.j2", "features.py.j2", "package.py.j2"
_SCHEDULE, _EXCLUDE = "schedule.py.j2", "exclude.py.j2"

#: Generated modules, each with the class in it.
Modules = Sequence[tuple[str, str]]


def emit(plan: Plan, errors: Errors, shared: Shared, templates: Templates) -> tuple[Source, ...]:
    """The class of an optimizer, and what each target makes of its plan."""
    sources = printed(plan, errors, shared, templates)
    rule = plan.rule
    strings = [printable(rule.label), rule_digest(rule), TENSOR_SIZE]
    strings += [fingerprint(plan, templates), fingerprint(shared.plan, templates)]
    strings += [name.value for one in rule.torch for name in (one.name, *one.words)]
    strings += [rule.view, rule.compute, *(extent.name.lower() for extent in Extent)]
    words = vocabulary(plan, columns_of(plan, shared.columns), templates.texts.values())
    for source in sources:
        review(source, rule, words, strings)
    return sources


def printed(
    plan: Plan,
    errors: Errors,
    shared: Shared,
    templates: Templates,
    targets: Sequence[Target] = TARGETS,
) -> tuple[Source, ...]:
    """The files of an optimizer as templates print them, before they are reviewed."""
    rule, columns = plan.rule, columns_of(plan, shared.columns)
    made_of = fingerprint(plan, templates)
    files = list(dict.fromkeys(name for name, _ in rule.digests))[:1]
    inputs = _inputs(rule)
    context = optimizer_context(plan, columns, shared)
    digest = templates.digest([_CLASS, _EXCLUDE], inputs)
    context |= {"header": templates.header(files, digest, rounding_lines(errors))}
    context |= {"fingerprint": made_of, "features": fingerprint(shared.plan, templates)}
    sources = [Source(f"{rule.module}.py", templates.render(_CLASS, context))]
    functions = own_functions(plan, columns, shared)
    for target in (one for one in targets if _is_made(one, plan, shared.plan)):
        module = Module(target, plan, columns, functions, shared)
        sources.append(_module(module, rule.name, files, templates))
    return tuple(sources)


def emit_features(shared: Shared, templates: Templates) -> tuple[Source, ...]:
    """The class and the functions of features, which the optimizers of a package share."""
    plan, columns = shared.plan, shared.columns
    made_of, inputs = fingerprint(plan, templates), _inputs(plan.rule)
    files = list(dict.fromkeys(name for name, _ in plan.rule.digests))
    header = templates.header(files, templates.digest([_FEATURES, _EXCLUDE], inputs))
    context = features_context(shared) | {"header": header, "fingerprint": made_of}
    sources = [Source(f"{FEATURES}.py", templates.render(_FEATURES, context))]
    for target in (one for one in TARGETS if _is_made(one, plan) and not one.is_whole):
        module = Module(target, plan, columns, shared.functions)
        sources.append(_module(module, "features, for every optimizer", files, templates))
    words = vocabulary(plan, columns, templates.texts.values())
    for source in sources:
        review(source, plan.rule, words, [made_of])
    return tuple(sources)


def _is_made(target: Target, *plans: Plan) -> bool:
    """Whether a target has all that a rule and the features of its package need."""
    return all(target.supports(plan) for plan in plans)


def _module(module: Module, name: str, files: Sequence[str], templates: Templates) -> Source:
    """The file of a module, made of these spec files."""
    target, rule = module.target.name, module.plan.rule
    digest = templates.digest(templates.folder(target), _inputs(rule))
    header = templates.header(files, digest)
    text = module.text(templates, name, header, fingerprint(module.plan, templates))
    return Source(f"{target}/{rule.module}.py", text)


def fingerprint(plan: Plan, templates: Templates) -> str:
    """What a class and its kernels have in common: specs, and the version of the compiler."""
    return templates.digest([], _inputs(plan.rule))


def _inputs(rule: Rule) -> list[str]:
    """The spec files that a rule was made of."""
    return [f"{name}\0{text}" for name, text in rule.digests]


def files_of_optimizer(module: str) -> tuple[str, ...]:
    """The files of an optimizer: its class, and what each target makes of it."""
    return (f"{module}.py", *(f"{target.name}/{module}.py" for target in TARGETS))


def emit_schedule(rule: Rule, templates: Templates) -> tuple[Source, ...]:
    """The class of a schedule: Python that computes one number, and so needs no plan."""
    context = schedule_context(rule)
    files = [name for name, _ in rule.digests]
    inputs = _inputs(rule)
    context["header"] = templates.header(files, templates.digest([_SCHEDULE], inputs))
    text = templates.render(_SCHEDULE, context)
    source = Source(f"{SCHEDULES_FOLDER}/{rule.module}.py", text)
    functions = frozenset([*CALLS_OF.values(), *OPERATIONS.values()])
    words = schedule_vocabulary(rule, templates.texts[_SCHEDULE], functions)
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
