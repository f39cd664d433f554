"""What is known about rules and plans: proofs, errors, formulas, comparisons."""
