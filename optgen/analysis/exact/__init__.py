"""Exact arithmetic on expressions: what proofs rest on, whichever stage makes them."""
