"""Explain: Plan → costs, and rules as formulas."""

from __future__ import annotations

from optgen.compiler.explain.cost import costs
from optgen.compiler.explain.formula import latex

__all__ = ["costs", "latex"]
