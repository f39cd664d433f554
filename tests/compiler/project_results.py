"""What some work makes of each spec of a project, and every problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.spec import Spec
from optgen.compiler.pipeline import Surroundings, gather
from optgen.compiler.project import Project, unique

Result = TypeVar("Result")


@dataclass(frozen=True)
class Results(Generic[Result]):
    """The specs that the work succeeded on, each with its result."""

    made: tuple[tuple[Spec, Result], ...]
    problems: tuple[Problem, ...]


def results(project: Project, work: Callable[[Spec, Surroundings], Result]) -> Results[Result]:
    made, problems = gather(project.kinds.compiled, lambda spec: work(spec, project.around))
    return Results(tuple(made), unique([*project.problems, *problems]))
