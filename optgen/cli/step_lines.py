"""Steps as lines of a spec."""

from __future__ import annotations

from optgen.compiler.ir.expression import text
from optgen.compiler.ir.randomness import unnumbered
from optgen.compiler.ir.rule import Step


def line_of(step: Step) -> str:
    """The assignment that a step is, as a spec spells it."""
    return f"{step.target} = {text(unnumbered(step.expression))}"
