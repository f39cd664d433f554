"""Optimizers as transformations of gradients for JAX; ``optgen.optax`` has them by name."""

from optgen.missing_packages import require

require("optgen.jax", "jax")
