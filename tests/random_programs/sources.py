"""The generated files of a program, one target at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from optgen.compiler.emit import emit, emit_features, printed
from optgen.compiler.emit.targets import target
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.source import Source
from optgen.compiler.pipeline import Surroundings, load_all, plan_of, surroundings
from tests.random_programs.program import Program
from tests.random_programs.step import FEATURES


@cache
def around(given: frozenset[str] | None = None) -> Surroundings:
    """The built-in features and templates; of the features only those that are ``given``."""
    if given is None:
        return surroundings()
    every = around()
    used = (f for f in every.features if given & {h.name for h in f.hyperparameters})
    return replace(every, features=tuple(used))


@cache
def features_with(given: frozenset[str] | None) -> tuple[Source, ...]:
    """What the optimizers of a package share."""
    surrounding = around(given)
    return emit_features(surrounding.shared, surrounding.templates)


Given = frozenset[str] | None


def plan_from(program: Program, *, only_used: bool = False) -> tuple[Plan, Given]:
    """The plan of a program with all features around it, or those ``only_used``, by arguments.

    Raises SpecError where the spec is refused.
    """
    # One stays always: without any, a kernel may have no scalar at all.
    used = frozenset({"gradient_accumulation_steps", *({*program.arguments} & {*FEATURES})})
    given = used if only_used else None
    with TemporaryDirectory() as folder:
        path = Path(folder) / "spec.toml"
        path.write_text(program.toml, encoding="utf-8")
        (spec,) = load_all([path])
        return plan_of(spec, around(given)), given


class Sources:
    """What is printed of a plan and of features around it, for some targets."""

    def __init__(self, plan: Plan, given: Given) -> None:
        self._plan, self._given, self._around = plan, given, around(given)

    def of(self, *names: str) -> list[Source]:
        """The files for these targets: classes, then modules."""
        found = [*self._printed(names), *features_with(self._given)]
        folders = ("", *names)
        return [one for one in found if one.path.rpartition("/")[0] in folders]

    def _printed(self, names: Sequence[str]) -> tuple[Source, ...]:
        given = self._around.shared, self._around.templates
        return printed(self._plan, (), *given, [target(name) for name in names])

    def looked_over(self) -> tuple[Source, ...]:
        """All files, after the last look. Raises AssertionError where text is odd."""
        return emit(self._plan, (), self._around.shared, self._around.templates)
