"""Hyperparameters: declared, set, overridden for single variables, and changed between calls."""
