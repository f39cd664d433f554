"""Steps as operations on tensors, for devices without kernels and for autograd."""
