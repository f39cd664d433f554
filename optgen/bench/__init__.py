"""Benchmarks of steps: memory bandwidth and other libraries for comparison, in one process."""
