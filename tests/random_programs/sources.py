"""The generated files of a program, one target at a time."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from optgen.compiler.emit import Printing
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


def plan_from(program: Program, *, only_used: bool = False) -> Plan:
    """The plan of a program, with all features around it or those ``only_used``.

    Raises SpecError where the spec is refused.
    """
    # One stays always: without any, a kernel may have no scalar at all.
    used = frozenset({"gradient_accumulation_steps", *({*program.arguments} & {*FEATURES})})
    given = used if only_used else None
    with TemporaryDirectory() as folder:
        path = Path(folder) / "spec.toml"
        path.write_text(program.toml, encoding="utf-8")
        (spec,) = load_all([path])
        return plan_of(spec, around(given))


class Sources:
    """What is printed of a plan: the class, as ``optimizer``, and the kernels of each target."""

    def __init__(self, plan: Plan) -> None:
        self._printing = Printing(plan, (), around().templates)

    def of(self, kind: str) -> Source:
        """A file."""
        return self._printing.printed(kind)

    def looked_over(self, kind: str) -> Source:
        """The same, after the last look at it. Raises AssertionError where text is odd."""
        return self._printing.reviewed(kind)
