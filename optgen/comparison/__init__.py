"""Comparison of rules: equal searches for a rate on small tasks, and a battery of tests."""
