"""Exact arithmetic on expressions, the basis of all proofs."""
