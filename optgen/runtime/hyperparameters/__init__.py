"""Hyperparameters: declarations, values, per-variable overrides, and schedules."""
