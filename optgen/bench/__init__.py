"""Benchmarks of steps: memory bandwidth, torch and Keras for comparison, in one process."""
