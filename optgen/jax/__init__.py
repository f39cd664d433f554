"""Optimizers as transformations of gradients for JAX; ``optgen.optax`` has them by name."""
