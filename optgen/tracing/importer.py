"""An optimizer's class, and the spec that its traces give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optgen.compiler.ir.expression import text
from optgen.compiler.library import feature_files, function_files
from optgen.compiler.pipeline import load_all
from optgen.tracing.arguments import arguments_of
from optgen.tracing.lines import expression_of
from optgen.tracing.ranges import ranges_of
from optgen.tracing.rehearsal import rehearse, wide_numbers
from optgen.tracing.rule import found_rule
from optgen.tracing.runs import Subject
from optgen.tracing.spec_text import spec_text, vocabulary
from optgen.tracing.trace import Decision


@dataclass(frozen=True)
class Imported:
    """The spec of an optimizer."""

    subject: Subject
    text: str

    def assumptions(self) -> list[str]:
        """How the step's conditions of hyperparameters went, each with its place."""
        decided = self.subject.assumptions_of_steps.values()
        return [f"{_spoken(one)} ({one.place})" for one in decided]


def _spoken(decision: Decision) -> str:
    said = text(expression_of(decision.condition, {}))
    return said if decision.outcome else f"not {said}"


@wide_numbers()
def imported(owner: type, values: Mapping[str, Any] | None = None, name: str = "") -> Imported:
    """Trace a class of optimizers, with some arguments, and write its spec.

    Raises UnfollowedError, with the place in the source, for what can't be followed, and
    UsageError for wrong arguments.
    """
    functions = tuple(file.stem for file in function_files())
    words = vocabulary(load_all(feature_files()), functions)
    arguments = arguments_of(owner, values or {}, words.taken)
    subject = Subject(owner, arguments, rehearse(owner, arguments))
    rule = found_rule(subject)
    written = spec_text(subject, rule, ranges_of(subject), words, name or owner.__name__)
    return Imported(subject, written)
