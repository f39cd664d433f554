"""The runtime of generated CUDA kernels, and device arrays."""
