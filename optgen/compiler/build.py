"""Build: updates the generated package of a set of spec files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from optgen.compiler.emit import (
    SCHEDULES_FOLDER,
    emit_features,
    emit_package,
    files_of_optimizer,
)
from optgen.compiler.ir.problem import Problem, SpecError
from optgen.compiler.ir.source import Source
from optgen.compiler.ir.spec import Spec
from optgen.compiler.library import SpecFiles, shown
from optgen.compiler.pipeline import Surroundings, compile_spec, gather
from optgen.compiler.project import Kinds, Project, read_project, unique
from optgen.compiler.write import (
    changes_of,
    commit,
    difference,
    generated_classes,
    opened,
    refuse_no_folder,
)
from optgen.compiler.write import stale as stale_files


class Report(Protocol):
    """Who is told how a build goes on."""

    def compiled(self, name: str) -> None:
        """A spec has been compiled in memory."""

    def done(self, name: str, status: str) -> None:
        """What became of a spec or a file in the end."""


class Silent:
    """A report that nobody reads."""

    def compiled(self, name: str) -> None:
        """Ignore that a spec was compiled."""

    def done(self, name: str, status: str) -> None:
        """Ignore what became of a file."""


@dataclass(frozen=True)
class Made:
    """The sources of a spec, or its problems."""

    sources: tuple[Source, ...]
    problems: tuple[Problem, ...]


def make(spec: Spec, around: Surroundings) -> Made:
    """Compile one spec; nothing is raised for what is wrong with it."""
    made, problems = gather([spec], lambda one: compile_spec(one, around))
    return Made(tuple(source for _, every in made for source in every), tuple(problems))


#: Makes what becomes of each of some specs; the last argument is called after each.
Making = Callable[[Sequence[Spec], Surroundings, Callable[[Spec], None]], Sequence[Made]]


def in_turn(
    specs: Sequence[Spec], around: Surroundings, done: Callable[[Spec], None]
) -> Sequence[Made]:
    """Compile specs one after another in this process."""
    every = []
    for spec in specs:
        every.append(make(spec, around))
        done(spec)
    return every


@dataclass(frozen=True)
class Job:
    """A build that has been read and ordered, but not yet compiled."""

    project: Project
    whole: bool
    making: Making = in_turn

    @property
    def kinds(self) -> Kinds:
        """The specs that could be loaded."""
        return self.project.kinds


def prepare(
    found: SpecFiles, shown: Callable[[Path], str] = shown, making: Making = in_turn
) -> Job:
    """Read the specs; what is wrong with them is raised by ``build`` and ``stale``.

    ``shown`` is how messages name a file, and ``making`` compiles the specs.
    """
    return Job(read_project(found.files, shown), found.whole, making)


def build(job: Job, out: Path, report: Report, *, force: bool = False) -> None:
    """Compile, then write what differs: nothing is written if any spec is wrong.

    Files of the package that were edited after a build are replaced or removed only by ``force``.
    Raises SpecError, and OSError where the folder can't be written, or holds files of others.
    """
    compiled = _compiled(job, report)
    with opened(out):
        if not force:
            _refuse_other_case(job, out)
        sources = [*compiled, *_package(job, out)]
        changes = changes_of(sources, out, whole=job.whole, force=force)
        commit(changes, out)
    written = {source.path for source in changes.written}
    for spec in job.kinds.compiled:
        report.done(spec.name.value, "built" if written & {*files_of(spec)} else "unchanged")
    for path in changes.removed:
        report.done(path, "removed")
    for path in changes.kept:
        report.done(path, "kept, since its module was edited; it has no spec, --force removes it")


def stale(job: Job, out: Path, report: Report) -> str:
    """What a build would change, as a diff: empty if everything is as the specs say."""
    compiled = _compiled(job, report)
    refuse_no_folder(out)
    changed = {source.path for source in compiled if difference(source, out)}
    for spec in job.kinds.compiled:
        report.done(spec.name.value, "stale" if changed & {*files_of(spec)} else "current")
    return stale_files([*compiled, *_package(job, out)], out, whole=job.whole)


def _refuse_other_case(job: Job, out: Path) -> None:
    """Refuse to replace a class by one whose name has the same letters: both need one file.

    Where all specs of the package are at hand, it has been renamed.
    """
    there = {} if job.whole else generated_classes(out, "")
    for spec in job.kinds.optimizers:
        name = there.get(spec.module, spec.name.value)
        if name != spec.name.value:
            raise FileExistsError(
                f"{out / spec.module}.py holds {name}, which {spec.name.value} would overwrite; "
                "choose another name, or pass --force. Nothing was changed"
            )


def _compiled(job: Job, report: Report) -> list[Source]:
    """All sources. Raises SpecError with the problems of all files."""
    kinds, around = job.kinds, job.project.around
    made = job.making(kinds.compiled, around, lambda spec: report.compiled(spec.name.value))
    problems = unique([*job.project.problems, *(p for one in made for p in one.problems)])
    if problems:
        raise SpecError(problems)
    return [source for one in made for source in one.sources]


def files_of(spec: Spec) -> tuple[str, ...]:
    """The generated files of an optimizer or a schedule."""
    if spec.is_schedule:
        return (f"{SCHEDULES_FOLDER}/{spec.module}.py",)
    return files_of_optimizer(spec.module)


def _package(job: Job, out: Path) -> list[Source]:
    optimizers = _modules(job, out, "", job.kinds.optimizers)
    schedules = _modules(job, out, SCHEDULES_FOLDER, job.kinds.schedules)
    around = job.project.around
    package = list(emit_package(optimizers, schedules, around.templates))
    return [*package, *emit_features(around.shared, around.templates)] if optimizers else package


def _modules(job: Job, out: Path, folder: str, specs: tuple[Spec, ...]) -> list[tuple[str, str]]:
    """The modules that a folder is to hold, with those that stay there."""
    modules = {} if job.whole else generated_classes(out, folder)
    return list((modules | {spec.module: spec.name.value for spec in specs}).items())
