"""Analyses of rules and plans: proofs, errors, formulas, comparisons."""
