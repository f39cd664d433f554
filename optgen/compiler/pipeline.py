"""The chain from spec files to generated sources: the whole compiler at a glance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar

from optgen.analysis.measure.error_bounds import limits
from optgen.analysis.measure.storage import stored_step
from optgen.compiler.emit import Errors, Shared, Templates, emit, emit_schedule
from optgen.compiler.ir.condition import TooManyCasesError
from optgen.compiler.ir.formats import BFLOAT16
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.problem import Location, Problem, SpecError, UsageError
from optgen.compiler.ir.rule import Rule
from optgen.compiler.ir.source import Source
from optgen.compiler.ir.spec import Spec
from optgen.compiler.ir.storage import Stored
from optgen.compiler.library import (
    base_folders,
    feature_files,
    optional_feature_files,
    read_slots,
    read_templates,
    shown,
    stamp,
)
from optgen.compiler.plan import make_plan
from optgen.compiler.read.check import check, check_defaults
from optgen.compiler.read.load import load
from optgen.compiler.read.parse import parse
from optgen.compiler.read.parse.functions import checked_function
from optgen.compiler.weave import (
    Slots,
    around_the_plainest,
    check_features,
    unknown_defaults,
    unknown_replaced,
    weave,
    without_neighbours,
)

__all__ = [
    "Surroundings",
    "checked_function",
    "checked_rule",
    "compile_spec",
    "composed",
    "each",
    "gather",
    "load_all",
    "load_file",
    "optional_features",
    "plan_of",
    "surroundings",
    "warnings",
    "without_unnamed",
]

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Surroundings:
    """What every optimizer of a build shares: features, their order, and templates."""

    features: tuple[Rule, ...]
    slots: Slots
    templates: Templates

    @cached_property
    def shared(self) -> Shared:
        """What features make of any rule."""
        return Shared(make_plan(around_the_plainest(self.features, self.slots)))


def compile_spec(spec: Spec, around: Surroundings) -> tuple[Source, ...]:
    """Spec → Rule → Rule with features → Plan → Sources; a schedule: Spec → Rule → Source."""
    if spec.is_schedule:
        return emit_schedule(checked_rule(spec), around.templates)
    plan = plan_of(spec, around)
    halves = Stored(BFLOAT16, BFLOAT16, BFLOAT16.name)
    errors: Errors = [*limits(plan), stored_step(plan, halves)]
    return emit(plan, errors, around.shared, around.templates)


def plan_of(spec: Spec, around: Surroundings) -> Plan:
    """The plan of a spec with all features."""
    with _few_cases(spec):
        return make_plan(composed(spec, around))


def composed(spec: Spec, around: Surroundings) -> Rule:
    """The checked rule of a spec with all features around it."""
    with _few_cases(spec):
        rule = weave(checked_rule(spec), around.features, around.slots)
        _raise(check_defaults(rule))
        return rule


def checked_rule(spec: Spec) -> Rule:
    """The rule of one spec alone. Raises SpecError if anything is wrong with it."""
    with _few_cases(spec):
        rule = parse(spec)
        _raise(check(rule))
        return rule


def warnings(spec: Spec, around: Surroundings) -> tuple[Problem, ...]:
    """What looks odd in a spec but is no error."""
    known = {feature.name for feature in around.features} | _optional_features()
    return (*unknown_defaults(spec, around.features), *unknown_replaced(spec, known))


def load_file(path: Path, shown: Callable[[Path], str] = shown) -> Spec:
    """Load one file. Raises SpecError with its problems."""
    return load(path, base_folders(), shown)


def load_all(files: Sequence[Path]) -> tuple[Spec, ...]:
    """Load files. Raises SpecError with the problems of all of them."""
    return tuple(each(files, load_file))


def surroundings(own_features: Iterable[Spec] = ()) -> Surroundings:
    """The built-in features together with a user's own; raises SpecError if one is wrong."""
    own = each(own_features, checked_rule)
    rules, usual = _built_in(stamp())
    if not own:
        return usual
    features = without_unnamed((*rules, *own))
    _raise(check_features(features, usual.slots))
    return replace(usual, features=features)


@lru_cache(maxsize=1)
def _built_in(_stamp: tuple[object, ...]) -> tuple[tuple[Rule, ...], Surroundings]:
    """The rules of the built-in features, and what these make up without others."""
    rules = tuple(each(load_all(feature_files()), checked_rule))
    features, slots = without_unnamed(rules), read_slots()
    _raise(check_features(features, slots))
    return rules, Surroundings(features, slots, read_templates())


def optional_features() -> tuple[Rule, ...]:
    """The features that an optimizer has only where a build names them."""
    return _optional(stamp())


@lru_cache(maxsize=1)
def _optional(_stamp: tuple[object, ...]) -> tuple[Rule, ...]:
    return tuple(each(load_all(optional_feature_files()), checked_rule))


def without_unnamed(features: Iterable[Rule]) -> tuple[Rule, ...]:
    """The features, which run before and after optional ones only where these are woven too."""
    return without_neighbours(features, _optional_features().__contains__)


def _optional_features() -> set[str]:
    return {path.stem for path in optional_feature_files()}


def each(items: Iterable[Item], work: Callable[[Item], Result]) -> list[Result]:
    """The results of some work on every item, with the problems of all items raised together."""
    results, problems = gather(items, work)
    _raise(problems)
    return [result for _, result in results]


def gather(
    items: Iterable[Item], work: Callable[[Item], Result]
) -> tuple[list[tuple[Item, Result]], list[Problem]]:
    """The items that some work succeeds on, each with its result, and the problems of the rest.

    Work that fails for one item, through a mistake in the compiler, leaves the others alone.
    Raises UsageError if the work does.
    """
    results: list[tuple[Item, Result]] = []
    problems: list[Problem] = []
    for item in items:
        try:
            results.append((item, work(item)))
        except SpecError as error:
            problems += error.problems
        except UsageError:
            raise
        except Exception as error:
            problems.append(Problem.of_failure(error, _place(item)))
    return results, problems


def _place(item: object) -> Location:
    """Where a file begins, or a spec has its name."""
    if isinstance(item, Spec):
        return item.name.location
    return Location(shown(item) if isinstance(item, Path) else str(item), 1)


@contextmanager
def _few_cases(spec: Spec) -> Iterator[None]:
    """Turn conditions that are too much for a stage into an error of the spec."""
    try:
        yield
    except TooManyCasesError:
        message, hint = "its conditions fall into too many cases", "nest fewer and, or and not"
        raise SpecError([Problem(message, spec.rule.location, hint)]) from None


def _raise(problems: Iterable[Problem]) -> None:
    found = tuple(problems)
    if found:
        raise SpecError(found)
