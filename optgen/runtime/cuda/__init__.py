"""What generated CUDA kernels stand on, and the arrays of a device."""
