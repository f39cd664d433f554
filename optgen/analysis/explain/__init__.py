"""Explain: costs of plans; formulas and stability limits of rules."""

from __future__ import annotations

from optgen.analysis.explain.cost import cost_in, costs, moved_bytes, whole_cost
from optgen.analysis.explain.formula import formula, latex
from optgen.analysis.explain.mathml import mathml, steps_in_mathml
from optgen.analysis.explain.stability import stabilities
from optgen.analysis.explain.variants import variants

__all__ = [
    "cost_in",
    "costs",
    "formula",
    "latex",
    "mathml",
    "moved_bytes",
    "stabilities",
    "steps_in_mathml",
    "variants",
    "whole_cost",
]
