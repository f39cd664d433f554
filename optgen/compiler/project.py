"""Project: a set of spec files, with all their problems.

Nothing here raises SpecError. An error in one file hides no error of another: every spec that can
be loaded, parsed, checked and compiled is, and all problems are collected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from optgen.compiler.ir.language import language_of
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.spec import Spec
from optgen.compiler.library import feature_files, is_feature, read_slots, read_templates, shown
from optgen.compiler.pipeline import (
    Surroundings,
    checked_function,
    checked_rule,
    gather,
    load_file,
    warnings,
    without_unnamed,
)
from optgen.compiler.weave import check_features, without_neighbours


@dataclass(frozen=True)
class Kinds:
    """Specs by what they state."""

    optimizers: tuple[Spec, ...]
    features: tuple[Spec, ...]
    schedules: tuple[Spec, ...]
    functions: tuple[Spec, ...] = ()

    @property
    def compiled(self) -> tuple[Spec, ...]:
        """Those that sources are made of; features and functions become parts of others."""
        return (*self.optimizers, *self.schedules)


@dataclass(frozen=True)
class Project:
    """The specs that could be loaded, what surrounds them, and the problems so far."""

    kinds: Kinds
    around: Surroundings
    problems: tuple[Problem, ...]
    #: What looks odd but is no error; known only where no feature is wrong.
    warnings: tuple[Problem, ...]


def read_project(files: Sequence[Path], shown: Callable[[Path], str] = shown) -> Project:
    """Load files, and check the features among them together with the built-in ones.

    ``shown`` is how messages name a file.
    """
    built_in = feature_files()
    resolved = {path.resolve() for path in built_in}
    others = [path for path in files if path.resolve() not in resolved]
    loaded, problems = gather((*built_in, *others), partial(load_file, shown=shown))
    specs = [spec for path, spec in loaded if path not in built_in]
    kinds = _kinds(specs)
    problems += [*_one_name(kinds.optimizers), *_one_name(kinds.schedules)]
    problems += gather(kinds.functions, checked_function)[1]
    every = [spec for _, spec in loaded if is_feature(spec)]
    around, wrong = _surroundings(every, len(built_in), all_loaded=not problems)
    odd = [] if wrong else [w for spec in kinds.optimizers for w in warnings(spec, around)]
    return Project(kinds, around, unique([*problems, *wrong]), tuple(odd))


def _kinds(specs: Sequence[Spec]) -> Kinds:
    def is_optimizer(spec: Spec) -> bool:
        return not (is_feature(spec) or spec.is_schedule or spec.is_function)

    return Kinds(
        tuple(spec for spec in specs if is_optimizer(spec)),
        tuple(spec for spec in specs if is_feature(spec)),
        tuple(spec for spec in specs if spec.is_schedule),
        tuple(spec for spec in specs if spec.is_function),
    )


def _surroundings(
    specs: Sequence[Spec], built_in: int, *, all_loaded: bool
) -> tuple[Surroundings, list[Problem]]:
    """Features that fit together, as many as possible, and what is wrong with the others."""
    checked, problems = gather(specs, checked_rule)
    rules = tuple(rule for _, rule in checked)
    if problems or not all_loaded:
        # A neighbour may be missing only because its own spec is wrong.
        rules = without_neighbours(rules, lambda _: True)
    rules, slots = without_unnamed(rules), read_slots()
    problems += check_features(rules, slots)
    for features in (rules, rules[:built_in], ()):
        if not check_features(features, slots):
            break
    return Surroundings(features, slots, read_templates()), problems


def _one_name(specs: Iterable[Spec]) -> Iterator[Problem]:
    """Specs whose generated files would have one name."""
    owners: dict[str, Spec] = {}
    for spec in specs:
        other = owners.setdefault(spec.module, spec)
        if other is not spec:
            message = (
                f"{spec.name.value!r} would overwrite the {language_of(spec).noun} of {other.path}"
            )
            yield Problem(message, spec.name.location, "choose another name")


def unique(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once; the problems of a base are those of the specs that extend it too."""
    return tuple({(p.message, str(p.location)): p for p in problems}.values())
