"""Build: everything that a set of spec files stands for, brought up to date in one folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from optgen.compiler.compose import in_order
from optgen.compiler.emit import emit_package, inputs_digest
from optgen.compiler.library import SpecFiles
from optgen.compiler.nouns.problem import Problem, SpecError
from optgen.compiler.nouns.source import Source
from optgen.compiler.nouns.spec import Spec
from optgen.compiler.pipeline import (
    Surroundings,
    compile_spec,
    load_all,
    split,
    surroundings,
    warnings,
)
from optgen.compiler.write import difference, existing, is_current, orphans, seal, write

#: Told of each spec when it is done: its name, and what became of it.
Report = Callable[[str, str], None]


@dataclass(frozen=True)
class Job:
    """A build that has been read and ordered, but not yet compiled."""

    optimizers: tuple[Spec, ...]
    around: Surroundings
    whole: bool

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What looks odd in the specs."""
        return tuple(w for spec in self.optimizers for w in warnings(spec, self.around))


def prepare(found: SpecFiles) -> Job:
    """Read the specs. Raises SpecError with the problems of all files."""
    optimizers, features = split(load_all(found.files))
    modules: dict[str, Spec] = {}
    for spec in optimizers:
        other = modules.setdefault(spec.module, spec)
        if other is not spec:
            message = f"{spec.name.value!r} would overwrite the optimizer of {other.path}"
            raise SpecError([Problem(message, spec.name.location, "choose another name")])
    return Job(optimizers, surroundings(features), found.whole)


def build(job: Job, out: Path, report: Report) -> None:
    """Compile what is not current, then write: nothing is written if any spec is wrong."""
    sources: list[Source] = []
    problems: list[Problem] = []
    for spec in job.optimizers:
        digest = _digest(spec, job.around)
        if all(is_current(out / path, digest) for path in paths_of(spec)):
            report(spec.name.value, "unchanged")
            continue
        try:
            sources += _sealed(compile_spec(spec, job.around))
            report(spec.name.value, "built")
        except SpecError as error:
            problems += error.problems
            report(spec.name.value, "refused")
    if problems:
        raise SpecError(problems)
    for source in (*sources, *_package(job, out)):
        write(source, out)
    for orphan in _orphans(job, out):
        orphan.unlink()
        report(orphan.name, "removed")


def stale(job: Job, out: Path, report: Report) -> str:
    """What a build would change, as a diff: empty if everything is as the specs say."""
    differences = []
    for spec in job.optimizers:
        sources = _sealed(compile_spec(spec, job.around))
        found = [difference(source, out) for source in sources]
        report(spec.name.value, "stale" if any(found) else "current")
        differences += found
    differences += [difference(source, out) for source in _package(job, out)]
    differences += [f"{orphan} has no spec\n" for orphan in _orphans(job, out)]
    return "".join(differences)


def paths_of(spec: Spec) -> tuple[str, ...]:
    """The generated files of an optimizer."""
    return (f"{spec.module}.py", f"cpu/{spec.module}.py")


def _digest(spec: Spec, around: Surroundings) -> str:
    features = in_order(around.features, around.slots)
    digests = (*spec.digests, *(digest for feature in features for digest in feature.digests))
    return inputs_digest(digests, around.templates)


def _sealed(sources: tuple[Source, ...]) -> list[Source]:
    return [seal(source) for source in sources]


def _package(job: Job, out: Path) -> list[Source]:
    modules = {} if job.whole or not out.is_dir() else existing(out)
    modules |= {spec.module: spec.name.value for spec in job.optimizers}
    return _sealed(emit_package(list(modules.items()), job.around.templates))


def _orphans(job: Job, out: Path) -> list[Path]:
    if not job.whole or not out.is_dir():
        return []
    wanted = [path for spec in job.optimizers for path in paths_of(spec)]
    return list(orphans([*wanted, "__init__.py", "cpu/__init__.py"], out))
