"""Explain: Plan → costs, and rules as formulas with the steps that are stable."""

from __future__ import annotations

from optgen.compiler.explain.cost import costs, moved_bytes
from optgen.compiler.explain.formula import formula, latex
from optgen.compiler.explain.mathml import mathml, steps_in_mathml
from optgen.compiler.explain.stability import stabilities
from optgen.compiler.explain.variants import variants

__all__ = [
    "costs",
    "formula",
    "latex",
    "mathml",
    "moved_bytes",
    "stabilities",
    "steps_in_mathml",
    "variants",
]
